"""Which network of a ladder to train on how many tokens, by a law of the loss, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import (
    FLOP_CONVENTIONS,
    count_parameters,
    forward_flops_per_token,
    training_flops_per_token,
)
from lehr.simulators.decoding import cache_bytes
from lehr.simulators.laws import DataConstrained, Frontier, VocabularyLaw
from lehr.simulators.laws.base import replicate
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.planning.certainty import Certainty, certainty, joint_errors
from lehr.simulators.planning.reading import Key, Reading, Rung, read_surface, size_at, worths
from lehr.simulators.planning.repeating import LEFT, LEFT_BY_ITSELF, most_epochs, useful_tokens
from lehr.simulators.planning.replicas import replicas
from lehr.simulators.quantities import Floats

CONVENTION = FLOP_CONVENTIONS["causal"]


FEWEST_TOKENS = 1e6
"""Fewer are no training."""
TIE = 5e-5
"""Losses that differ by less [nats/token] are one: half the last digit that is printed, and a hundredth of what a form
misses beyond its runs (``surfaces.misfit.MISFIT``)."""


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What the choice must respect.

    ``seen`` tokens that a base model was trained on before [tokens]; ``served`` tokens of inference that the same
    budget pays [tokens]; ``unique`` tokens of data at hand [tokens]; and a model that with the cache of
    ``cache_tokens`` fits into ``memory`` [bytes] at ``bytes_per_value``. ``None`` leaves a limit out.
    """

    seen: float = 0.0
    served: float = 0.0
    unique: float | None = None
    memory: float | None = None
    cache_tokens: float = 0.0
    bytes_per_value: float = 2.0


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """One rung of the ladder at the budget. ``regret`` is its loss above the best one's, with the interval that the
    law's certainty leaves; ``wins`` the share of the law's replicas by which it is the best [1]. ``useful`` is the
    share of what the budget leaves for training that lowers the loss [1]: less than 1 where data repeats too often."""

    d_model: int
    expansion: int
    parameters: int
    active: int
    tokens: float
    epochs: float
    tokens_per_parameter: float
    training_flops: float
    serving_flops: float
    memory: float
    loss: float
    regret: float
    regret_low: float | None = None
    regret_high: float | None = None
    wins: float | None = None
    useful: float = 1.0
    layers: int = 0

    @property
    def key(self) -> Key:
        """Of its rung."""
        return self.parameters, self.expansion


class PlanWarning(msgspec.Struct, frozen=True, kw_only=True):
    """Where a choice is not to be relied on, and by which law it was made."""

    law: str
    says: str

    def __str__(self) -> str:
        return f"{self.law}: {self.says}"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The candidates that the demand allows, by rising size, and which of them is the best. ``read_at`` are the
    parameters and tokens that the law of the loss was asked for the best: what repeated data and experts are worth, and
    ``read_unique`` the tokens that differ, for a law that asks for them. ``moved`` is by how much sets of constants as
    likely as those of the laws of repetition and vocabulary move its loss (replicas,) [loss_unit]."""

    law: str
    loss_unit: str
    candidates: list[Candidate]
    best: int
    warnings: list[PlanWarning]
    read_at: tuple[float, float] | None = None
    read_unique: float | None = None
    moved: Floats | None = None

    @property
    def chosen(self) -> Candidate:
        """The best candidate."""
        return self.candidates[self.best]

    def region(self, level: float = 0.95) -> list[Candidate]:
        """The fewest rungs that hold ``level`` of the law's replicas among them, the likeliest first; the best alone
        where the law does not say how sure it is."""
        if self.chosen.wins is None:
            return [self.chosen]
        ordered = sorted(self.candidates, key=lambda c: -(c.wins or 0.0))
        held = np.cumsum([c.wins or 0.0 for c in ordered])
        return ordered[: int(np.searchsorted(held, level - 1e-9)) + 1]


Planner = Surface | JointMoe | Frontier
"""A law that a choice can be made by: of the loss, of dense models and mixtures alike, or of the optimum alone."""


def rung_of(architecture: Architecture, sequence_length: int) -> Rung:
    """Count ``architecture``; FLOPs per token at ``sequence_length`` by the convention ``causal``."""
    count = count_parameters(architecture)
    return Rung(
        count=count,
        training=training_flops_per_token(architecture, sequence_length, CONVENTION),
        forward=forward_flops_per_token(architecture, sequence_length, CONVENTION),
        cache=cache_bytes(architecture, 1).per_token,
        width=architecture.d_model,
        layers=architecture.n_layers,
        vocabulary=architecture.embedding.vocab_size,
        tables=count.active["all"] - count.active["excl_embeddings"],
    )


class Laws(msgspec.Struct, frozen=True, kw_only=True):
    """The laws beside the one of the choice: of mixtures, of repeated data, of vocabularies, and of the loss where the
    choice is a frontier's."""

    joint: JointMoe | None = None
    repetition: DataConstrained | None = None
    vocabulary: VocabularyLaw | None = None
    loss: Surface | None = None


def choose(
    rungs: Mapping[Key, Rung],
    flops: float,
    law: Planner,
    *,
    demand: Demand | None = None,
    laws: Laws | None = None,
    share: float = 1.0,
    at: Key | None = None,
) -> Plan:
    """Spend ``flops`` on each rung and rank what the loss would be. The rung ``at`` is chosen whatever its loss is,
    where the demand allows it.

    Of the budget, ``share`` is for pre-training and ``demand.served`` tokens of inference are paid first. Repeated
    tokens, and parameters beyond what they can teach, count as much as ``laws.repetition`` says, and a rung stops where
    more epochs would raise its loss or teach nothing: the budget is an upper bound. A frontier chooses the
    rung that lies nearest to its optimum, and ``laws.loss`` tells what that costs. Raises ``ValueError`` where
    nothing fits, or where a law is missing that the question needs.

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.ladder import ladder
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> networks = ladder(vocab_size=128256, context_length=8192)
    >>> plan = choose({key: rung_of(network, 8192) for key, network in networks.items()}, 1e23, law)
    >>> f"{plan.chosen.parameters:.3g} parameters, {plan.chosen.tokens:.3g} tokens, loss {plan.chosen.loss:.3f}"
    '2.8e+10 parameters, 5.59e+11 tokens, loss 2.034'
    """
    demand, laws = demand or Demand(), laws or Laws()
    if not flops > 0:
        raise ValueError(f"flops is {flops:g}; write an amount of work above 0")
    kept, spent = _affordable(rungs, flops, demand, share)
    keys, bought = list(kept), spent.bought
    tokens = bought
    active = np.array([float(r.count.active["all"]) for r in kept.values()])
    sure: Certainty | None = None
    read_at: tuple[float, float] | None = None
    unique: float | None = None
    moved: Floats | None = None
    if isinstance(law, JointMoe):
        experts = np.array([float(expansion) for _, expansion in keys])
        tokens, useful, worth = _read_joint(law, active, experts, tokens, demand, laws)
        losses = law.loss(useful, worth, experts)
        unit, best = law.loss_unit, _best(keys, losses, tokens < bought, at)
        many = replicate(law, 1)
        every_loss = losses[None] if many is None else many.loss(useful, worth, experts)
        sure = certainty(every_loss, best, keys, joint_errors(law, keys, active, tokens))
        said = [(law.name, w) for w in law.warnings(float(active[best]), float(tokens[best]), float(experts[best]))]
    else:
        surface = laws.loss if isinstance(law, Frontier) else law
        if surface is None:
            raise ValueError(f"{law.name} gives no loss; give a law of the loss beside it")
        tokens, reading = _read(surface, kept, tokens, demand, laws)
        losses, unit = reading.loss(surface), surface.loss_unit
        if not np.isfinite(losses).any():
            raise ValueError(
                "the laws have no answer for any network of the ladder; write network=dense, or a larger budget"
            )
        best = _best(keys, losses, tokens < bought, at)
        if isinstance(law, Frontier):
            best = nearest_to(law, kept, bought, losses, flops * share) if at not in kept else best
            said = [(law.name, w) for w in law.warnings(flops * share)]
        else:
            errors = joint_errors(laws.joint, keys, active, tokens) if laws.joint is not None else None
            every = replicas(
                surface, kept, tokens, reading, seen=demand.seen, unique=demand.unique, joint=laws.joint,
                repetition=laws.repetition, vocabulary=laws.vocabulary,
            )  # fmt: skip
            sure = certainty(every.losses, best, keys, errors)
            moved = None if every.moved is None else every.moved[:, best]
            far = surface.warnings(float(reading.sizes[best]), float(reading.tokens[best]))
            said = [(surface.name, w) for w in far]
        read_at, unique = (float(reading.sizes[best]), float(reading.tokens[best])), reading.unique
        if laws.joint is not None and keys[best][1] > 1:
            far = laws.joint.warnings(float(active[best]), float(tokens[best]), float(keys[best][1]))
            said += [(laws.joint.name, w) for w in far]
    spent = msgspec.structs.replace(spent, tokens=tokens)
    candidates = _candidates(kept, spent, losses, best, demand.unique, sure)
    place = sum(1 for i in range(best) if np.isfinite(losses[i]))
    if place in (0, len(candidates) - 1) and len({(c.d_model, c.layers) for c in candidates}) > 1:
        said.append((law.name, "the best network lies at the end of those that were tried"))
    return Plan(
        law=law.name,
        loss_unit=unit,
        candidates=candidates,
        best=place,
        warnings=[PlanWarning(law=of, says=w) for of, w in said],
        read_at=read_at,
        read_unique=unique,
        moved=moved,
    )


def _best(keys: Sequence[Key], losses: Floats, spared: NDArray[np.bool_], at: Key | None) -> int:
    """Of those that the demand allows, ``at`` or the one of least loss; of losses that are one, where the data are
    worth less than the budget and it is ``spared``, the smallest."""
    if at is not None and at in keys and np.isfinite(losses[keys.index(at)]):
        return keys.index(at)
    least = int(np.argmin(losses))
    return int(np.argmax(losses <= losses[least] + TIE)) if spared[least] else least


class Spent(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What each rung takes: tokens that are of use and that the budget pays for, work of serving [FLOP], memory."""

    tokens: Floats
    bought: Floats
    serving: Floats
    memory: Floats


def _affordable(rungs: Mapping[Key, Rung], flops: float, demand: Demand, share: float) -> tuple[dict[Key, Rung], Spent]:
    """The rungs that the budget and the memory allow. Raises ``ValueError`` where none is."""
    serving = np.array([r.forward * demand.served for r in rungs.values()])
    tokens = (flops - serving) * share / np.array([r.training for r in rungs.values()])
    memory = np.array(
        [(r.count.total + r.cache * demand.cache_tokens) * demand.bytes_per_value for r in rungs.values()]
    )
    fits = (tokens >= FEWEST_TOKENS) & (memory <= (demand.memory or np.inf))
    if not (tokens >= FEWEST_TOKENS).any():
        raise ValueError(
            f"no network of the ladder fits: {flops:.3g} FLOP do not pay for {FEWEST_TOKENS:g} tokens of the smallest; "
            "write a larger budget or fewer served tokens"
        )
    if not fits.any():
        raise ValueError("no network of the ladder fits; write more memory, a larger budget or fewer served tokens")
    kept = {key: rung for (key, rung), ok in zip(rungs.items(), fits, strict=True) if ok}
    return kept, Spent(tokens=tokens[fits], bought=tokens[fits], serving=serving[fits], memory=memory[fits])


def _candidates(  # noqa: PLR0917  (each is one fact of all rungs)
    kept: Mapping[Key, Rung], spent: Spent, losses: Floats, best: int, unique: float | None, sure: Certainty | None
) -> list[Candidate]:
    """Those of which the laws say something."""
    tokens = spent.tokens
    return [
        Candidate(
            d_model=rung.width,
            expansion=expansion,
            parameters=rung.count.total,
            active=rung.count.active["all"],
            tokens=float(tokens[i]),
            epochs=float(max(1.0, tokens[i] / unique)) if unique else 1.0,
            tokens_per_parameter=float(tokens[i] / rung.count.active["all"]),
            training_flops=float(rung.training * tokens[i]),
            serving_flops=float(spent.serving[i]),
            memory=float(spent.memory[i]),
            loss=float(losses[i]),
            regret=float(losses[i] - losses[best]),
            regret_low=None if sure is None else float(sure.regret_low[i]),
            regret_high=None if sure is None else float(sure.regret_high[i]),
            wins=None if sure is None else float(sure.wins[i]),
            useful=float(tokens[i] / spent.bought[i]),
            layers=rung.layers,
        )
        for i, ((_, expansion), rung) in enumerate(kept.items())
        if np.isfinite(losses[i])
    ]


def _read(
    surface: Surface, rungs: Mapping[Key, Rung], tokens: Floats, demand: Demand, laws: Laws
) -> tuple[Floats, Reading]:
    """The tokens of each rung that are of use, all of them where data does not repeat, and where the law is read."""

    keys = list(rungs)

    def read(tokens: Floats, rows: Sequence[int]) -> Reading:
        return read_surface(
            surface, {keys[i]: rungs[keys[i]] for i in rows}, tokens, seen=demand.seen, unique=demand.unique,
            joint=laws.joint, repetition=laws.repetition, vocabulary=laws.vocabulary,
        )  # fmt: skip

    repeated = surface if isinstance(surface, DataConstrained) else laws.repetition
    if demand.unique is not None and repeated is not None:
        left = LEFT_BY_ITSELF if repeated is surface else LEFT
        most = most_epochs(repeated.R_D_star, left) * demand.unique
        tokens = useful_tokens(lambda d, rows: read(d, rows.tolist()).loss(surface), tokens, demand.unique, most)
    return tokens, read(tokens, range(len(keys)))


def _read_joint(  # noqa: PLR0917  (each is one fact of the question)
    law: JointMoe, active: Floats, experts: Floats, tokens: Floats, demand: Demand, laws: Laws
) -> tuple[Floats, Floats, Floats]:
    """The same by the law of dense models and mixtures itself, and the sizes and tokens that it is asked for: what
    repeats leave of them, by ``laws.repetition`` at the parameters of one token."""

    def loss(d: Floats, rows: np.ndarray) -> Floats:
        useful, worth = worths(laws.repetition, active[rows], d, demand.unique, demand.seen)
        return law.loss(useful, worth, experts[rows])

    if demand.unique is not None and laws.repetition is not None:
        tokens = useful_tokens(loss, tokens, demand.unique, most_epochs(laws.repetition.R_D_star) * demand.unique)
    return tokens, *worths(laws.repetition, active, tokens, demand.unique, demand.seen)


def nearest_to(law: Frontier, rungs: Mapping[Key, Rung], tokens: Floats, losses: Floats, flops: float) -> int:
    """The rung whose size lies nearest to the frontier's optimum, or its tokens where those alone are published; of
    several expansions that of the least loss."""
    size, data = law.optimum(flops)
    apart = np.abs(np.log(tokens / data))
    if law.parameters is not None:
        by_flops = law.n_convention == "flops_per_token"
        sizes = [r.training if by_flops else size_at(r, law.n_convention) for r in rungs.values()]
        apart = np.abs(np.log(np.array(sizes) / size))
    nearest: dict[int, int] = {}
    for i, (_, expansion) in enumerate(rungs):
        if np.isfinite(losses[i]) and (expansion not in nearest or apart[i] < apart[nearest[expansion]]):
            nearest[expansion] = i
    return min(nearest.values(), key=lambda i: float(losses[i]))

"""Which network of a ladder to train on how many tokens, by a law of the loss, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import (
    FLOP_CONVENTIONS,
    ParameterCount,
    count_parameters,
    forward_flops_per_token,
    kv_cache_bytes_per_token,
    training_flops_per_token,
)
from lehr.simulators.laws import DataConstrained
from lehr.simulators.laws.base import quantiles, replicate
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.laws.surfaces.base import Surface
from lehr.simulators.quantities import Floats

CONVENTION = FLOP_CONVENTIONS["causal"]


FEWEST_TOKENS = 1e6
"""Fewer are no training."""


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
    law's certainty leaves; ``wins`` the share of the law's replicas by which it is the best [1]."""

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


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The candidates that the demand allows, by rising size, and which of them is the best."""

    law: str
    loss_unit: str
    candidates: list[Candidate]
    best: int
    warnings: list[str]

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


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """What a network costs, counted once."""

    count: ParameterCount
    training: float
    forward: float
    cache: int

    @classmethod
    def of(cls, architecture: Architecture, sequence_length: int) -> Rung:
        """Count ``architecture``; FLOPs per token at ``sequence_length`` by the convention ``causal``."""
        return cls(
            count=count_parameters(architecture),
            training=training_flops_per_token(architecture, sequence_length, CONVENTION),
            forward=forward_flops_per_token(architecture, sequence_length, CONVENTION),
            cache=kv_cache_bytes_per_token(architecture, 1),
        )


def size_for(law: Surface, rung: Rung) -> float:
    """The N of ``law``'s convention for one token's parameters [parameters].

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.ladder import dense
    >>> law = Chinchilla(name="x", title="", n_convention="non_embedding", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> f"{size_for(law, Rung.of(dense(4096, vocab_size=128256, context_length=8192), 8192)):.3g}"      # Llama 3 8B
    '6.98e+09'
    """
    active = rung.count.active
    return float(
        {
            "non_embedding": active["excl_embeddings"],
            "with_head": active["excl_input_embedding"],
        }.get(law.n_convention, active["all"])
    )


def equivalent_sizes(
    law: Surface, rungs: Mapping[tuple[int, int], Rung], tokens: Floats, joint: JointMoe | None
) -> Floats:
    """The N at which ``law``, a law of dense models, is read for each rung [parameters]: a mixture stands for the dense
    model that reaches its loss on the same tokens by ``joint``; NaN where no size does.

    Raises ``ValueError`` for a mixture without ``joint``.

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.ladder import dense
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> rungs = {(4096, 1): Rung.of(dense(4096, vocab_size=128256, context_length=8192), 8192)}
    >>> equivalent_sizes(law, rungs, np.array([1e12]), None).tolist()      # a dense model stands for itself
    [8030261248.0]
    """
    sizes = []
    for ((_, expansion), rung), d in zip(rungs.items(), tokens, strict=True):
        n = size_for(law, rung)
        if expansion > 1:
            if joint is None:
                raise ValueError(
                    "a mixture of experts needs a law that knows mixtures; write moe_law=ludziejewski_joint"
                )
            active = float(rung.count.active["all"])
            dense = joint.dense_size(active, float(d), float(expansion)) if d > 0 else None
            n = np.nan if dense is None else n * dense / active
        sizes.append(n)
    return np.array(sizes)


def choose(
    rungs: Mapping[tuple[int, int], Rung],
    flops: float,
    law: Surface,
    *,
    demand: Demand | None = None,
    joint: JointMoe | None = None,
    repetition: DataConstrained | None = None,
    share: float = 1.0,
) -> Plan:
    """Spend ``flops`` on each rung and rank what the loss would be.

    Of the budget, ``share`` is for pre-training and ``demand.served`` tokens of inference are paid first. Repeated
    tokens count as much as ``repetition`` says, a law of repeated data. Raises ``ValueError`` where nothing fits, or
    where tokens repeat and ``repetition`` is ``None``.

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.ladder import ladder
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> networks = ladder(vocab_size=128256, context_length=8192)
    >>> plan = choose({key: Rung.of(network, 8192) for key, network in networks.items()}, 1e23, law)
    >>> f"{plan.chosen.parameters:.3g} parameters, {plan.chosen.tokens:.3g} tokens, loss {plan.chosen.loss:.3f}"
    '3.09e+10 parameters, 5.08e+11 tokens, loss 2.035'
    """
    demand = demand or Demand()
    if not flops > 0:
        raise ValueError(f"flops is {flops:g}; write an amount of work above 0")
    serving = np.array([r.forward * demand.served for r in rungs.values()])
    tokens = (flops - serving) * share / np.array([r.training for r in rungs.values()])
    memory = np.array(
        [(r.count.total + r.cache * demand.cache_tokens) * demand.bytes_per_value for r in rungs.values()]
    )
    fits = (tokens >= FEWEST_TOKENS) & (memory <= (demand.memory or np.inf))
    if not fits.any():
        raise ValueError("no network of the ladder fits; write more memory, a larger budget or fewer served tokens")
    kept = {key: rung for (key, rung), ok in zip(rungs.items(), fits, strict=True) if ok}
    tokens, serving, memory = tokens[fits], serving[fits], memory[fits]
    worth = tokens
    if demand.unique is not None and np.any(tokens > demand.unique):
        if repetition is None:
            raise ValueError("tokens repeat, which needs a law of repeated data; write repetition_law=muennighoff")
        worth = repetition.worth(np.array([size_for(repetition, r) for r in kept.values()]), tokens, demand.unique)[1]
    sizes = equivalent_sizes(law, kept, tokens, joint)
    worth = worth + demand.seen
    sizes = np.where(worth >= law.fewest_tokens_per_parameter * sizes, sizes, np.nan)
    losses = np.where(np.isfinite(sizes), law.loss(np.where(np.isfinite(sizes), sizes, 1e9), worth), np.inf)
    if not np.isfinite(losses).any():
        raise ValueError(
            "the laws have no answer for any network of the ladder; write network=dense, or a larger budget"
        )
    best = int(np.argmin(losses))
    sure = certainty(law, sizes, worth, best)
    candidates = [
        Candidate(
            d_model=width,
            expansion=expansion,
            parameters=rung.count.total,
            active=rung.count.active["all"],
            tokens=float(tokens[i]),
            epochs=float(max(1.0, tokens[i] / demand.unique)) if demand.unique else 1.0,
            tokens_per_parameter=float(tokens[i] / rung.count.active["all"]),
            training_flops=float(rung.training * tokens[i]),
            serving_flops=float(serving[i]),
            memory=float(memory[i]),
            loss=float(losses[i]),
            regret=float(losses[i] - losses[best]),
            **({} if sure is None else {name: float(values[i]) for name, values in sure.items()}),
        )
        for i, ((width, expansion), rung) in enumerate(kept.items())
        if np.isfinite(losses[i])
    ]
    place = sum(1 for i in range(best) if np.isfinite(losses[i]))
    warnings = law.warnings(float(sizes[best]), float(worth[best]))
    chosen = candidates[place]
    if joint is not None and chosen.expansion > 1:
        warnings += [
            f"{joint.name}: {w}" for w in joint.warnings(float(chosen.active), chosen.tokens, float(chosen.expansion))
        ]
    if place in (0, len(candidates) - 1) and len({c.d_model for c in candidates}) > 1:
        warnings.append("the best network lies at the end of the ladder")
    return Plan(law=law.name, loss_unit=law.loss_unit, candidates=candidates, best=place, warnings=warnings)


def certainty(law: Surface, sizes: Floats, tokens: Floats, best: int) -> dict[str, Floats] | None:
    """Regret bounds (95 %) and the share of the law's replicas in which each rung wins; ``None`` where the law does not
    say how sure it is.

    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.laws.base import Covariance
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658,
    ...     uncertainty=Covariance(parameters=["alpha"], covariance=[[1e-4]], residual=0.0))
    >>> sizes = np.array([5e9, 1e10, 2e10])
    >>> sure = certainty(law, sizes, 1e22 / 6 / sizes, 1)
    >>> [round(float(share), 1) for share in sure["wins"]]
    [0.2, 0.8, 0.0]
    """
    many = replicate(law, 1)
    if many is None:
        return None
    usable = np.isfinite(sizes)
    losses = np.where(usable, many.loss(np.where(usable, sizes, 1e9), tokens), np.inf)
    with np.errstate(invalid="ignore"):
        regret = np.where(usable, losses - losses[:, [best]], np.inf)
    low, high = quantiles(regret, 0.95)
    wins = np.bincount(np.argmin(losses, axis=1), minlength=len(sizes)) / len(losses)
    return {"regret_low": low, "regret_high": high, "wins": wins}

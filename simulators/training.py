"""A recipe: the ordered stages that train one model, each with its data, batch, schedule and hardware."""

from __future__ import annotations

from collections.abc import Collection
from math import ceil
from typing import Annotated, Literal

import msgspec

from lehr.simulators.adapters import LoRA
from lehr.simulators.layers.position import Position
from lehr.simulators.machine.layout import Layout
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.objectives import Objective, PolicyGradient, Preference
from lehr.simulators.quantities import Bound, Devices, NonNegative, Positive, Relation, Share, Size, Utilisation, number
from lehr.simulators.schedules import Batch, Curve, Schedule, WeightDecay, join

StageKind = Literal["PT", "CPT", "ANN", "REPO_PT", "SFT", "RL", "REPO_SFT"]

STAGE_KINDS: dict[StageKind, str] = {
    "PT": "pre-training from random weights",
    "CPT": "continued pre-training on further data",
    "ANN": "annealing: the learning rate falls on selected data",
    "REPO_PT": "repository-level or long-context pre-training",
    "SFT": "supervised fine-tuning",
    "RL": "reinforcement learning and preference optimisation",
    "REPO_SFT": "repository-level supervised fine-tuning",
}
PRETRAINING = ("PT", "CPT", "ANN", "REPO_PT")
"""The stages whose loss is a next-token loss on a corpus, which scaling laws describe."""


class Optimizer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An optimiser with the settings that were published."""

    kind: Literal["adam", "adamw", "adafactor", "muon", "muonclip", "lion", "sgd"]
    beta1: Share | None = None
    beta2: Share | None = None
    epsilon: Positive | None = None
    momentum: Share | None = None
    weight_decay: NonNegative | WeightDecay | None = None
    grad_clip: Positive | None = None


Precision = Literal["fp32", "tf32", "fp16", "bf16", "fp8", "fp4"]
PRECISIONS: dict[Precision, str] = {
    "fp32": "IEEE 754 single precision, 32 bits",
    "tf32": "matrices with 8 bits of exponent and 10 of mantissa, added up in fp32",
    "fp16": "IEEE 754 half precision, 5 bits of exponent and 10 of mantissa",
    "bf16": "8 bits of exponent and 7 of mantissa",
    "fp8": "8 bits in all",
    "fp4": "4 bits in all",
}
"""What the matrices of a stage were multiplied in."""


class SharedHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Accelerator-hours that were published for several stages together [h]; it stands at the first of them."""

    total: Positive
    stages: Annotated[list[str], msgspec.Meta(min_length=2)]


class Hardware(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a stage ran on. ``hours`` are accelerator-hours, all devices together [h]; ``mfu`` is as published.

    ``software`` is the nearest whose speed was measured.
    """

    accelerator: str
    count: Devices | None = None
    precision: Precision | None = None
    hours: Positive | SharedHours | None = None
    mfu: Utilisation | None = None
    layout: Layout | None = None
    software: str | None = None

    @property
    def own_hours(self) -> float | None:
        """The hours of this stage alone [h]; ``None`` where they are not known apart from those of others."""
        return None if isinstance(self.hours, SharedHours) else self.hours

    @property
    def stated_hours(self) -> float | None:
        """The hours that stand here [h], those of further stages with them where they are shared."""
        return self.hours.total if isinstance(self.hours, SharedHours) else self.hours


class Base(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model that training starts from, and the tokens that it had seen; ``upcycled`` weights are grown
    into the new shape: copied into experts (Komatsuzaki et al., arXiv:2212.05055), or into further layers."""

    model: str
    tokens: Positive | Bound | None = None
    upcycled: bool = False

    @property
    def n_tokens(self) -> float | None:
        """The tokens to compute with [tokens]; the bound where only one was published."""
        return number(self.tokens)


class Adapter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained beside frozen weights: low-rank matrices (Hu et al., arXiv:2106.09685), with magnitudes of their
    own (Liu et al., arXiv:2402.09353), or beside weights in 4 bits (Dettmers et al., arXiv:2305.14314). ``targets`` are
    matrices, ``alpha`` over ``rank`` scales what they add."""

    kind: Literal["lora", "dora", "qlora"] = "lora"
    rank: Size
    alpha: Positive | None = None
    targets: tuple[str, ...] = ("all",)

    @property
    def matrices(self) -> LoRA:
        """The low-rank matrices alone."""
        return LoRA(rank=self.rank, targets=self.targets)


Counted = Literal["layers", "together"]
COUNTED: dict[Counted, str] = {
    "layers": "a loss of each layer, 1 where its experts are used alike; their sum is weighed",
    "together": "one loss of all layers' tokens, as large as a token's choices are many where experts are used alike",
}
"""What an auxiliary loss is before it is weighed: as in papers and Megatron-LM, or as in transformers."""
Over = Literal["sequence", "micro_batch", "batch"]
OVER: dict[Over, str] = {
    "sequence": "experts are to be used alike within every sequence",
    "micro_batch": "within the sequences that a device has at once",
    "batch": "within all sequences of an update",
}
"""What the auxiliary loss is taken over."""


class Balance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a mixture's experts are kept in use alike: ``auxiliary`` weighs a loss of how uneven they are used (Fedus et
    al., arXiv:2101.03961, equation 4), ``counted`` and taken ``over`` as these say; ``bias_rate`` is by how much a bias
    of each expert's score moves at every update, towards those that were used less (Wang et al., arXiv:2408.15664)."""

    auxiliary: NonNegative | None = None
    counted: Counted = "layers"
    over: Over | None = None
    bias_rate: NonNegative | None = None


class Stage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One training stage. What nobody published is absent, and what follows from it is then unknown (``None``).

    ``data`` has the share of each part of the mixture, ``datasets`` the corpora where shares are not known. A part that
    is called ``code`` is code, and so are those that ``code`` lists and the corpora whose own files say so.

    Raises ``ValueError`` for shares that sum to more than one, for a part of code that is not in ``data``, and where
    tokens are given twice over.
    """

    kind: StageKind
    objective: Objective
    tokens: Positive | Bound | None = None
    examples: Size | Bound | None = None
    epochs: Positive | Bound | None = None
    steps: Size | Bound | None = None
    sequence_length: Size | None = None
    batch: Batch | None = None
    optimizer: Optimizer | None = None
    balance: Balance | None = None
    schedule: Schedule | None = None
    data: dict[str, Share] = {}
    code: list[str] = []
    datasets: list[str] = []
    position: Position | None = None
    hardware: Hardware | None = None
    adapter: Adapter | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        written = isinstance(self.objective, PolicyGradient)  # whose answers are as long as they come
        if self.tokens is not None and self.steps is not None and self.batch is not None and not written:
            raise ValueError("tokens follow from steps and batch; write steps with batch, or tokens, not all three")
        if plain_sum(self.data.values()) > 1 + 1e-9:
            raise ValueError(
                f"the shares of `data` sum to {plain_sum(self.data.values()):.4g}; write shares that sum to at most 1"
            )
        if left := [name for name in self.code if name not in self.data]:
            raise ValueError(f"`code` names {left[0]!r}, which is no part of `data`: {', '.join(self.data)}")

    def code_share(self, corpora: Collection[str] = ()) -> float | None:
        """The share of the stage's tokens that is code [1], where ``corpora`` are those of code alone; ``None`` where
        it is not known: no data are named, or corpora without shares that are not all of one kind.

        >>> from lehr.simulators.objectives import NextToken
        >>> Stage(kind="PT", objective=NextToken(), data={"python": 0.7, "text": 0.3}, code=["python"]).code_share()
        0.7
        """
        if self.data:
            return plain_sum(share for name, share in self.data.items() if name in ("code", *self.code, *corpora))
        kinds = {name in corpora for name in self.datasets}
        return float(kinds.pop()) if len(kinds) == 1 else None

    @property
    def sequences_each(self) -> int:
        """Sequences of one example, of which ``batch.sequences`` counts so many [sequences]: two answers of a
        preference that compares them, one of all else."""
        return 2 if isinstance(self.objective, Preference) and self.objective.pairs else 1

    @property
    def tokens_each(self) -> int | None:
        """The most tokens of one example of a batch [tokens]; ``None`` where the length is not known.

        >>> Stage(kind="RL", objective=Preference(method="dpo"), sequence_length=2048).tokens_each
        4096
        """
        return None if self.sequence_length is None else self.sequence_length * self.sequences_each

    @property
    def n_tokens(self) -> float | None:
        """Tokens that the stage trains on [tokens]: stated, or steps times batch; unknown is ``None``."""
        if self.tokens is not None:
            return number(self.tokens)
        if self.steps is None or self.batch is None or self.sequence_length is None:
            return None
        return float(self.batch.clock(self.tokens_each or 0).tokens_at(number(self.steps) or 0.0))

    @property
    def n_steps(self) -> int | None:
        """Optimiser updates of the stage [steps]: stated, or tokens over batch, or examples times epochs over batch,
        the last batch cut short; unknown is ``None``. Examples of reinforcement learning are prompts, of which each
        step writes its own batch.

        >>> from lehr.simulators.objectives import Supervised
        >>> Stage(kind="SFT", objective=Supervised(), examples=100_000, epochs=3, batch=Batch(sequences=128)).n_steps
        2344
        """
        if self.steps is not None:
            return int(number(self.steps) or 0)
        tokens = number(self.tokens)
        if tokens is None and self._counts_examples:
            assert self.batch is not None
            seen = (number(self.examples) or 0.0) * (number(self.epochs) or 1.0)
            return max(1, ceil(seen / self.batch.sequences))
        if tokens is None or self.batch is None or self.sequence_length is None:
            return None
        return self.batch.steps_for(tokens, self.tokens_each or 0)

    @property
    def _counts_examples(self) -> bool:
        """Do updates follow from examples? They do where a batch holds so many of them at every step."""
        plain = self.batch is not None and self.batch.ramp is None
        return plain and self.examples is not None and not isinstance(self.objective, PolicyGradient)

    @property
    def padded_tokens(self) -> float | None:
        """The most tokens that fine-tuning trains on [tokens]: every sequence of its updates, or every example of its
        passes, as long as the stage's sequences; a preference compares two. ``None`` where tokens are stated, where no
        most is known, and for pre-training, which packs its sequences.

        >>> from lehr.simulators.objectives import Preference, Supervised
        >>> told = {"examples": 100_000, "epochs": 3, "sequence_length": 4096}
        >>> Stage(kind="SFT", objective=Supervised(), **told).padded_tokens
        1228800000.0
        >>> Stage(kind="RL", objective=Preference(method="dpo"), **told).padded_tokens
        2457600000.0
        """
        if self.kind in PRETRAINING or self.tokens is not None or self.sequence_length is None:
            return None
        if self.steps is not None:
            open_ended = isinstance(self.steps, Bound) and self.steps.at_most is None
            return None if open_ended else self.n_tokens
        if isinstance(self.objective, PolicyGradient):
            return None
        examples, epochs = (of.at_most if isinstance(of, Bound) else of for of in (self.examples, self.epochs))
        if examples is None or epochs is None:
            return None
        return float(examples) * epochs * self.sequences_each * self.sequence_length

    @property
    def token_bound(self) -> Relation | None:
        """How the true tokens lie to ``n_tokens``; nothing where they are no bound."""
        stated = self.tokens if self.tokens is not None else self.steps
        return stated.relation if isinstance(stated, Bound) else None

    @property
    def step_bound(self) -> Relation | None:
        """How the true updates lie to ``n_steps``; nothing where they are no bound."""
        stated = self.steps if self.steps is not None else self.tokens
        if stated is None and self._counts_examples:
            bounds = {of.relation for of in (self.examples, self.epochs) if isinstance(of, Bound)}
            return None if not bounds else bounds.pop() if len(bounds) == 1 else "between"
        return stated.relation if isinstance(stated, Bound) else None

    @property
    def shares_hours_with(self) -> list[str]:
        """The stages, this one among them, whose hours stand here together; nothing where they do not."""
        hours = self.hardware.hours if self.hardware else None
        return hours.stages if isinstance(hours, SharedHours) else []

    @property
    def final_batch_tokens(self) -> float | None:
        """Tokens in one update once any ramp is over [tokens]."""
        if self.batch is None or self.sequence_length is None:
            return None
        return float(self.batch.sequences * (self.tokens_each or 0))

    def curve(self) -> Curve | None:
        """The learning rate at every step, or ``None`` where schedule or length is not known."""
        if self.schedule is None or self.n_steps is None:
            return None
        clock = self.batch.clock(self.tokens_each) if self.batch and self.tokens_each else None
        return self.schedule.resolve(self.n_steps, clock)


LONGEST_NAME = 60
"""Of a stage, which stands in tables and figures."""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ordered run of stages that makes one model, from random weights or from a base model.

    Raises ``ValueError`` where ``order`` and ``stages`` do not name the same stages, where one has a name that no table
    holds, and where hours are shared with a stage that is not there.
    """

    name: str
    model: str
    order: list[str]
    stages: dict[str, Stage]
    base: Base | None = None

    def __post_init__(self) -> None:
        if long := [name for name in self.stages if len(name) > LONGEST_NAME]:
            raise ValueError(f"stage {long[0][:20]!r}... has a name of {len(long[0])} characters; write a shorter one")
        for name in self.order:
            if name not in self.stages:
                raise ValueError(f"order names {name!r}, which is not in `stages`: {', '.join(self.stages)}")
        if left := [name for name in self.stages if name not in self.order]:
            raise ValueError(f"stage {left[0]!r} is not in `order`; add it there, or remove the stage")
        for name, stage in self.stages.items():
            hours = stage.hardware.hours if stage.hardware else None
            if not isinstance(hours, SharedHours):
                continue
            if gone := [other for other in hours.stages if other not in self.stages]:
                raise ValueError(f"the hours of stage {name!r} are shared with {gone[0]!r}, which is not in `stages`")
            if hours.stages != [other for other in self.order if other in hours.stages] or hours.stages[0] != name:
                raise ValueError(f"shared hours stand at the first of their stages, in `order`; move those of {name!r}")

    def ordered(self) -> list[tuple[str, Stage]]:
        """The stages with their names, in the order in which they run."""
        return [(name, self.stages[name]) for name in self.order]

    def curve(self) -> Curve | None:
        """The learning rates of all stages whose rates are known, joined."""
        curves = {name: curve for name, stage in self.ordered() if (curve := stage.curve()) is not None}
        return join(curves) if curves else None

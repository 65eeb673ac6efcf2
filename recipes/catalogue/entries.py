"""What stands in the catalogue's files of models, datasets and methods."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from lehr.recipes.errors import LehrError
from lehr.simulators.architecture import Architecture
from lehr.simulators.evidence import Provenance, Reported

ModelKind = Literal[
    "dense", "moe", "recurrent", "hybrid", "diffusion", "encoder", "encoder_decoder", "embedding", "unknown"
]
MODEL_KINDS: dict[ModelKind, str] = {
    "dense": "a decoder whose every token uses every parameter",
    "moe": "a mixture of experts, of which a token uses some",
    "recurrent": "a state of one size in the place of attention",
    "hybrid": "attention in some layers, a state in others",
    "diffusion": "tokens are unmasked in any order",
    "encoder": "every token sees every other",
    "encoder_decoder": "an encoder of the input and a decoder of the output",
    "embedding": "a vector for a text",
    "unknown": "its owner does not say",
}
"""What a network is."""

DatasetKind = Literal["corpus", "source", "benchmark"]
DATASET_KINDS: dict[DatasetKind, str] = {
    "corpus": "what models are trained on",
    "source": "what corpora are made of",
    "benchmark": "what models are tried on",
}
"""What a collection of text is for."""

MethodKind = Literal[
    "objective", "stage", "reinforcement", "mechanism", "data", "agent", "optimizer", "schedule", "inference"
]
METHOD_KINDS: dict[MethodKind, str] = {
    "objective": "what a stage minimises",
    "stage": "a part of a recipe",
    "reinforcement": "learning from rewards or preferences",
    "mechanism": "a part of a network or of its decoding",
    "data": "a way to choose or make data",
    "agent": "a way to let a model act",
    "optimizer": "a rule for the updates",
    "schedule": "a rule for the learning rate",
    "inference": "a way to use a trained model",
}
"""What a method is about."""

Released = Annotated[str, msgspec.Meta(pattern=r"^\d{4}(-\d{2}){0,2}$")]
"""A year, a month of it (2024-05) or a day (2024-05-13)."""


class Score(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model scored on a benchmark [%], as printed: in which setting, and by whom.

    ``benchmark`` is a dataset of the catalogue; ``setting`` is what the source says of scaffold, attempts and prompts.
    """

    benchmark: str
    value: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
    metric: Literal["pass@1", "pass@10", "pass@100", "resolved"]
    setting: str | None = None
    source: str
    place: str


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One checkpoint: its architecture where it is public, who said so, and what others reported of it.

    Of a closed model here stands what is public. ``context_length`` is the owner's word for one; the architecture has
    it of any other. ``stated`` are figures that its makers measured and nothing can project, such as a benchmark's
    score; ``scores`` are those of benchmarks for code. ``also`` are further names that people use.
    """

    name: str
    family: str
    kind: ModelKind
    open: Literal["weights", "dimensions", "closed"]
    provenance: Provenance
    hf_id: str | None = None
    also: list[str] = []
    owner: str | None = None
    released: Released | None = None
    license: str | None = None
    context_length: int | None = None
    architecture: Architecture | None = None
    languages: int | None = None
    stated: dict[str, float] = {}
    scores: list[Score] = []
    reported: list[Reported] = []
    note: str | None = None

    def __post_init__(self) -> None:
        if (self.architecture is None) != (self.open == "closed"):
            raise ValueError(
                "a closed model has no `architecture`, any other has one; write open: dimensions or weights"
            )
        if self.architecture is not None and self.context_length is not None:
            raise ValueError("the architecture has the context length; leave the model's own `context_length` out")

    def shape(self) -> Architecture:
        """The architecture. Raises ``LehrError`` where it is not public, or not all of it."""
        if self.architecture is None and self.open == "closed":
            raise LehrError(f"{self.name} is closed: its architecture is not public, so that nothing can be counted")
        if self.architecture is None:
            raise LehrError(f"{self.name} cannot be counted: {self.note}")
        return self.architecture


class Dataset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A corpus that recipes train on, a source that corpora are drawn from, or a benchmark.

    ``code`` says that it is code alone, but for what stands beside code in repositories: comments, documentation and
    issues. ``examples`` are a benchmark's tasks or the pairs of a set of pairs; ``stated`` as of a model.
    """

    name: str
    title: str
    provenance: Provenance
    code: bool = False
    kind: DatasetKind = "corpus"
    also: list[str] = []
    size_bytes: float | None = None
    tokens: float | None = None
    examples: int | None = None
    languages: int | None = None
    sources: list[str] = []
    deduplication: str | None = None
    license: str | None = None
    stated: dict[str, float] = {}
    reported: list[Reported] = []
    note: str | None = None


class Method(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What recipes and architectures are made of: an objective, a stage, a mechanism of a layer, a way to train.

    ``written`` is how a file of the catalogue says it; absent where it changes nothing that is counted. ``cost`` is
    what it changes in the work of a stage.
    """

    name: str
    title: str
    kind: MethodKind
    what: str
    provenance: Provenance
    also: list[str] = []
    written: str | None = None
    cost: str | None = None
    note: str | None = None

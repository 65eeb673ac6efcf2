"""The catalogue: every file under the config roots, read directly and decoded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec

from recipes.decode import decode, load_yaml
from recipes.errors import LehrError, nearest
from simulators.architecture import Architecture
from simulators.evidence import Provenance, Reported, Source

if TYPE_CHECKING:
    from recipes.plans import AcceleratorFile, RecipeFile
    from simulators.laws import AnyLaw, ScalingLaw

T = TypeVar("T")

_BESIDE = Path(__file__).parent / "conf"
CONF = _BESIDE if _BESIDE.is_dir() else Path(__file__).parents[1] / "conf"
"""The config root: inside the package in a wheel, beside it in a checkout."""

ModelKind = Literal[
    "dense", "moe", "recurrent", "hybrid", "diffusion", "encoder", "encoder_decoder", "embedding", "unknown"
]
DatasetKind = Literal["corpus", "source", "benchmark"]
MethodKind = Literal["objective", "stage", "reinforcement", "mechanism", "data", "agent"]
Released = Annotated[str, msgspec.Meta(pattern=r"^\d{4}(-\d{2}){0,2}$")]
"""A year, a month of it (2024-05) or a day (2024-05-13)."""


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One checkpoint: its architecture where it is public, who said so, and what others reported of it.

    Of a closed model here stands what is public. ``context_length`` is the owner's word for one; the architecture has
    it of any other. ``stated`` are figures that its makers measured and nothing can project, such as a benchmark's
    score. ``also`` are further names that people use.
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
    context_length: int | None = None
    architecture: Architecture | None = None
    languages: int | None = None
    stated: dict[str, float] = {}
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

    ``examples`` are a benchmark's tasks or the pairs of a set of pairs; ``stated`` as of a model.
    """

    name: str
    title: str
    provenance: Provenance
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

    ``written`` is how a file of the catalogue says it; absent where it changes nothing that is counted.
    """

    name: str
    title: str
    kind: MethodKind
    what: str
    provenance: Provenance
    also: list[str] = []
    written: str | None = None
    note: str | None = None


class Catalogue:
    """Files by group and name over several roots; a later root (a user's own) wins over an earlier one.

    >>> Catalogue().model("deepseek_v3").shape().n_layers
    61
    """

    def __init__(self, roots: Sequence[Path] = (CONF,)) -> None:
        self.roots = list(roots)

    def files(self, group: str) -> dict[str, Path]:
        """Name to path of every file of ``group``."""
        found = {p.stem: p for root in self.roots for p in sorted((root / group).glob("*.yaml"))}
        return dict(sorted(found.items()))

    def has(self, group: str, name: str) -> bool:
        """Is there a file of ``name``? Told without reading the folder.

        >>> Catalogue().has("recipe", "deepseek_v3"), Catalogue().has("recipe", "gpt_4")
        (True, False)
        """
        return any((root / group / f"{name}.yaml").is_file() for root in self.roots)

    def path(self, group: str, name: str) -> Path:
        """The file of ``name``, which may be a path that ends in .yaml. Raises ``LehrError`` with the nearest name
        where there is none."""
        if name.endswith(".yaml") and Path(name).is_file():
            return Path(name)
        for root in reversed(self.roots):
            if (path := root / group / f"{name}.yaml").is_file():
                return path
        raise LehrError(f"no {group} is called {name!r}; {nearest(name, self.files(group))}")

    def read(self, group: str, name: str, kind: type[T]) -> T:
        """One file, decoded."""
        path = self.path(group, name)
        return decode(load_yaml(path), kind, shown(path))

    def model(self, name: str) -> Model:
        """One model by name."""
        return self.read("model", name, Model)

    def models(self) -> dict[str, Model]:
        """All of them, by name."""
        return {name: decode(load_yaml(path), Model, shown(path)) for name, path in self.files("model").items()}

    def recipe(self, name: str) -> RecipeFile:
        """The recipe of one model, by name."""
        from recipes.plans import RecipeFile

        return self.read("recipe", name, RecipeFile)

    def recipes(self) -> dict[str, RecipeFile]:
        """All of them, by name."""
        return {name: self.recipe(name) for name in self.files("recipe")}

    @cached_property
    def accelerators(self) -> dict[str, AcceleratorFile]:
        """All accelerators, by name."""
        from recipes.plans import AcceleratorFile

        return {name: self.read("accelerator", name, AcceleratorFile) for name in self.files("accelerator")}

    def law(self, name: str) -> AnyLaw:
        """One law of any form, by name."""
        from recipes.plans import decode_law

        path = self.path("law", name)
        return decode_law(load_yaml(path), shown(path))

    def surface(self, name: str) -> ScalingLaw:
        """One law of the loss by parameters and tokens, by name. Raises ``LehrError`` for a law of other inputs."""
        from recipes.plans import decode_surface

        path = self.path("law", name)
        return decode_surface(load_yaml(path), shown(path))

    def datasets(self) -> dict[str, Dataset]:
        """All corpora, by name."""
        return {name: decode(load_yaml(path), Dataset, shown(path)) for name, path in self.files("dataset").items()}

    def methods(self) -> dict[str, Method]:
        """All objectives, stages, mechanisms and methods, by name."""
        return {name: decode(load_yaml(path), Method, shown(path)) for name, path in self.files("method").items()}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The bibliography, by key. Raises ``LehrError`` where one key is defined twice in a root."""
        merged: dict[str, Source] = {}
        for root in self.roots:
            here: dict[str, Any] = {}
            for path in sorted((root / "sources").glob("*.yaml")):
                for key, value in (load_yaml(path) or {}).items():
                    if key in here:
                        raise LehrError(f"{shown(path)}: source {key!r} is defined twice; keep one of them")
                    here[key] = decode(value, Source, f"{shown(path)}: {key}")
            merged |= here
        return merged


def shown(path: Path) -> str:
    """A path as a person reads it: from the config root, or as it is.

    >>> shown(CONF / "model" / "deepseek_v3.yaml")
    'conf/model/deepseek_v3.yaml'
    """
    return f"conf/{path.relative_to(CONF)}" if path.is_relative_to(CONF) else str(path)

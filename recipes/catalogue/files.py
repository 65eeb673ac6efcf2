"""The catalogue: every file under the config roots, read directly and decoded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lehr.recipes.catalogue.data import load_data
from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Dataset, Method, Model
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.errors import LehrError, nearest
from lehr.simulators.evidence import Source

if TYPE_CHECKING:
    from lehr.recipes.catalogue.recipe_files import AcceleratorFile, RecipeFile
    from lehr.simulators.laws import AnyLaw, ScalingLaw
    from lehr.simulators.training import Recipe

T = TypeVar("T")

CONF = Path(__file__).parents[2] / "conf"
"""The config root, inside the package."""

NAME = re.compile(r"(?!(?i:con|prn|aux|nul|com\d|lpt\d)$)[A-Za-z0-9][A-Za-z0-9_-]*")
"""What a model of one's own can be called, as its name is a file's too, on Windows also."""


class Catalogue:
    """Files by group and name over several roots; a later root (a user's own) wins over an earlier one.

    >>> Catalogue().model("deepseek_v3").shape().n_layers
    61
    """

    def __init__(self, roots: Sequence[Path] = (CONF,)) -> None:
        self.roots = list(roots)
        self._of_kinds: dict[tuple[str, ...], list[AnyLaw]] = {}

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
        return decode(load(path, group), kind, shown(path))

    def model(self, name: str) -> Model:
        """One model by name."""
        return self.read("model", name, Model)

    def models(self) -> dict[str, Model]:
        """All of them, by name."""
        return {name: decode(load(path, "model"), Model, shown(path)) for name, path in self.files("model").items()}

    def recipe(self, name: str) -> RecipeFile:
        """The recipe of one model, by name."""
        from lehr.recipes.catalogue.recipe_files import RecipeFile

        return self.read("recipe", name, RecipeFile)

    def recipes(self) -> dict[str, RecipeFile]:
        """All of them, by name."""
        return {name: self.recipe(name) for name in self.files("recipe")}

    @cached_property
    def accelerators(self) -> dict[str, AcceleratorFile]:
        """All accelerators, by name."""
        from lehr.recipes.catalogue.recipe_files import AcceleratorFile

        return {name: self.read("accelerator", name, AcceleratorFile) for name in self.files("accelerator")}

    @property
    def law_folders(self) -> list[Path]:
        """Where laws, and the tables of their draws, may lie."""
        return [root / "law" for root in self.roots]

    def law(self, name: str) -> AnyLaw:
        """One law of any form, by name."""
        from lehr.recipes.catalogue.recipe_files import decode_law

        path = self.path("law", name)
        return decode_law(load(path, "law"), shown(path), [*self.law_folders, path.parent])

    def laws_of(self, *kinds: str) -> list[AnyLaw]:
        """Every law of these kinds, by name; the other files are looked at and not decoded.

        >>> [law.name for law in Catalogue().laws_of("multi_power")]
        ['multi_power_100m', 'multi_power_25m', 'multi_power_400m', 'turning_100m', 'turning_25m']
        """
        if kinds not in self._of_kinds:
            any_of = "|".join(map(re.escape, kinds))
            line = re.compile(rf"^kind: *['\"]?({any_of})['\"]? *(#.*)?$", re.MULTILINE)
            files = self.files("law").items()
            self._of_kinds[kinds] = [self.law(name) for name, path in files if line.search(path.read_text("utf-8"))]
        return [*self._of_kinds[kinds]]

    def surface(self, name: str) -> ScalingLaw:
        """One law of the loss by parameters and tokens, by name. Raises ``LehrError`` for a law of other inputs."""
        from lehr.recipes.catalogue.recipe_files import decode_surface

        path = self.path("law", name)
        return decode_surface(load(path, "law"), shown(path), [*self.law_folders, path.parent])

    def datasets(self) -> dict[str, Dataset]:
        """All corpora, by name."""
        return {
            name: decode(load(path, "dataset"), Dataset, shown(path)) for name, path in self.files("dataset").items()
        }

    def code_corpora(self, recipe: Recipe) -> frozenset[str]:
        """The corpora of ``recipe`` whose files say that they are code; only those files are read.

        >>> catalogue = Catalogue()
        >>> sorted(catalogue.code_corpora(catalogue.recipe("starcoder")))
        ['starcoderdata']
        """
        names = {name for stage in recipe.stages.values() for name in (*stage.data, *stage.datasets)}
        known = sorted(name for name in names if self.has("dataset", name))
        return frozenset(name for name in known if self.read("dataset", name, Dataset).code)

    def methods(self) -> dict[str, Method]:
        """All objectives, stages, mechanisms and methods, by name."""
        return {name: decode(load(path, "method"), Method, shown(path)) for name, path in self.files("method").items()}

    @cached_property
    def sources(self) -> dict[str, Source]:
        """The bibliography, by key. Raises ``LehrError`` where one key is defined twice in a root."""
        merged: dict[str, Source] = {}
        for root in self.roots:
            here: dict[str, Any] = {}
            for path in sorted((root / "sources").glob("*.yaml")):
                bibliography = load(path, "sources") or {}
                if not isinstance(bibliography, dict):
                    raise LehrError(f"{shown(path)}: holds a {type(bibliography).__name__}; write key: a source")
                for key, value in bibliography.items():
                    if key in here:
                        raise LehrError(f"{shown(path)}: source {key!r} is defined twice; keep one of them")
                    here[key] = decode(value, Source, f"{shown(path)}: {key}")
            merged |= here
        return merged


def load(path: Path, group: str) -> Any:
    """The plain data of one file of ``group``. What a test holds to the rules already is not held to them again."""
    return load_yaml(path) if path.is_relative_to(CONF) else load_data(path, group)


def checked_name(name: str, where: str) -> str:
    """``name``, which names a file. Raises ``LehrError`` where it cannot.

    >>> checked_name("my_model-2", "name")
    'my_model-2'
    """
    if not NAME.fullmatch(name):
        raise LehrError(
            f"{where}: {name!r} cannot name a file; write Latin letters, digits, _ and -, and no CON or NUL"
        )
    return name


def shown(path: Path) -> str:
    """A path as a person reads it: from the config root, or as it is.

    >>> shown(CONF / "model" / "deepseek_v3.yaml")
    'conf/model/deepseek_v3.yaml'
    """
    return f"conf/{path.relative_to(CONF)}" if path.is_relative_to(CONF) else str(path)

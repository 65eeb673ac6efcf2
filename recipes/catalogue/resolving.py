"""The one file of a group that a person means: by its name, title, hub id or alias, however it is spelt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lehr.recipes.catalogue.accelerators import accelerator_called
from lehr.recipes.catalogue.names import titled, words
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.errors import LehrError, nearest_few

if TYPE_CHECKING:
    from lehr.recipes.catalogue.files import Catalogue

SHOWN = 6
"""Of those that a text could mean, so many are named."""


def resolve(text: str, group: str, catalogue: Catalogue, key: str | None = None) -> str:
    """The name of the file of ``group`` that ``text`` means; ``key`` is the setting that it was written for.

    A name of the catalogue means itself. Else spaces, capitals, hyphens and dots do not matter, and the file's name,
    title, family, hub id (with or without its owner) and aliases are tried; then the beginning of one of these, as
    long as it does not end within a number. Raises ``LehrError`` where several are meant, or none.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> said = [("deepseek-ai/DeepSeek-V3", "model"), ("h100", "accelerator"), ("Step Law", "law")]
    >>> [resolve(text, group, Catalogue()) for text, group in said]
    ['deepseek_v3', 'h100_sxm', 'step_law']
    """
    if text.endswith(".yaml") or catalogue.has(group, text):
        return text
    files = catalogue.files(group)
    meant = called(text, files, lambda: labels_of(group, catalogue))
    if len(meant) != 1 and group == "accelerator" and (usual := usual_part(text, files)):
        return usual
    if meant:
        return one_of(text, meant, group, key)
    raise nothing(text, group, files, key, labels_of(group, catalogue))


def called(text: str, names: Iterable[str], labels: Callable[[], Mapping[str, tuple[str, ...]]]) -> list[str]:
    """Which ``names`` are called ``text``: by the name, else by a label, else by how one of them begins; one that says
    itself which it is comes before one that shares its label with others.

    >>> labels = {"gpt_4": ("GPT-4",), "gpt_4o": ("GPT-4o",), "llama_3_1_8b": ("Llama-3.1",)}
    >>> [called(text, labels, lambda: labels) for text in ("GPT 4", "Llama 3.1", "llama 3", "llama-3.1-8")]
    [['gpt_4'], ['llama_3_1_8b'], [], []]
    """
    names, wanted = list(names), joined(text)
    if not wanted:
        return []
    if found := [name for name in names if joined(name) == wanted]:
        return found
    known = labels()
    for same in (joined(text), joined(text.rpartition("/")[2]) if "/" not in text else ""):
        if same and (found := [n for n in names if any(joined(label) == same for label in known.get(n, ()))]):
            return found
    if found := [name for name in names if begins(text, name)]:
        return found
    return [name for name in names if any(begins(text, label) for label in known.get(name, ()))]


def joined(text: str) -> str:
    """The letters and digits of ``text`` in small letters; a plus is a letter here, as CodeT5+ is not CodeT5.

    >>> joined("Qwen2.5-Coder 7B"), joined("CodeT5+")
    ('qwen25coder7b', 'codet5p')
    """
    return "".join(words(text.replace("+", "p")))


def begins(text: str, label: str) -> bool:
    """Does ``label`` begin with ``text``, which ends at a part's end, or within a word?

    A number that goes on would be another one: Llama 3 is not Llama 3.1.

    >>> [begins(text, "deepseek_v3_1_base") for text in ("deepseek", "DeepSeek V3", "DeepSeek-V3.1", "deepsee")]
    [True, False, True, True]
    """
    wanted, have = parts(text), parts(label)
    if not wanted or len(wanted) > len(have) or wanted[:-1] != have[: len(wanted) - 1]:
        return False
    last, there, rest = wanted[-1], have[len(wanted) - 1], have[len(wanted) :]
    if last != there:
        return not last[-1].isdigit() and there.startswith(last)
    return not (last[-1].isdigit() and rest and rest[0].isdigit())


def parts(text: str) -> list[str]:
    """The pieces between spaces and signs.

    >>> parts("Llama-3.1 8B")
    ['llama', '3', '1', '8b']
    """
    return [part for part in re.split(r"[\W_]+", text.casefold()) if part]


def usual_part(text: str, files: Mapping[str, Path]) -> str | None:
    """The accelerator of which people say ``text``, where every word of that is one of its own.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> files = Catalogue().files("accelerator")
    >>> [usual_part(text, files) for text in ("A100", "NVIDIA H100 80GB", "H100 PCIe", "h1000")]
    ['a100_80gb', 'h100_sxm', None, None]
    """
    name = accelerator_called(text, files)
    if name is None:
        return None
    of_it = {word for label in (name, *titled(name, read(files[name]))[1]) for word in words(label)}
    return name if {*words(text)} <= of_it else None


def one_of(text: str, meant: list[str], group: str, key: str | None) -> str:
    """The only one. Raises ``LehrError`` where there are several."""
    if len(meant) == 1:
        return meant[0]
    shown = ", ".join(meant[:SHOWN]) + (f" and {len(meant) - SHOWN} more" if len(meant) > SHOWN else "")
    raise LehrError(f"{key or group}: {text!r} may be any of {shown}; write one of them")


def nothing(
    text: str, group: str, files: Mapping[str, Path], key: str | None, labels: Mapping[str, tuple[str, ...]]
) -> LehrError:
    """The error where ``text`` means nothing, with what looks like it."""
    wanted = {*words(text)}
    with_all = [n for n in files if wanted <= {w for label in (n, *labels.get(n, ())) for w in words(label)}]
    few = 0 < len(with_all) <= SHOWN
    instead = f"did you mean {' or '.join(with_all)}?" if few else nearest_name(text, files)
    return LehrError(f"{f'{key}: ' if key else ''}no {group} is called {text!r}; {instead}")


def nearest_name(text: str, names: Iterable[str]) -> str:
    """What to write instead of ``text``.

    >>> nearest_name("Deepsek V3", ["deepseek_v3", "starcoder"])
    'did you mean deepseek_v3?'
    """
    from difflib import get_close_matches

    known = list(names)
    spelt = {joined(name): name for name in reversed(known)}
    if close := get_close_matches(joined(text), spelt, n=1, cutoff=0.6):
        return f"did you mean {spelt[close[0]]}?"
    return nearest_few(text, known, 5) if known else "nothing may stand here"


def labels_of(group: str, catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """What people call each file of ``group``. A recipe is called like the model of its name."""
    files = catalogue.files(group)
    if group == "recipe":
        files = {name: path for name, path in catalogue.files("model").items() if name in files}
    return {name: labels(name, read(path)) for name, path in files.items()}


def labels(name: str, data: Any) -> tuple[str, ...]:
    """What a file says that people call it; nothing of one that is none of the catalogue's forms."""
    if not isinstance(data, dict):
        return ()
    hub = str(data.get("hf_id") or "")
    said = [data.get("family"), data.get("title"), hub, hub.rpartition("/")[2]]
    also = data.get("also")
    also = also if isinstance(also, list) else []
    made = titled(name, data)[1] if data.get("title") else ()
    return tuple(dict.fromkeys(str(label) for label in (*said, *also, *made) if label))


@cache
def read(path: Path) -> Any:
    """The content of a file, once."""
    return load_yaml(path)

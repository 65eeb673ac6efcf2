"""The one file of a group that a person means: by its name, title, hub id or alias, however it is spelt."""

from __future__ import annotations

import re
from collections import Counter
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

SIZE = re.compile(r"\d+[bm]")
"""A part of a name that says how large the model is."""

SHOWN = 6
"""Of those that a text could mean, so many are named."""


def resolve(text: str, group: str, catalogue: Catalogue, key: str | None = None) -> str:
    """The name of the file of ``group`` that ``text`` means; ``key`` is the setting that it was written for.

    A name of the catalogue means itself. Else spaces, capitals, hyphens and dots do not matter, and the file's name,
    title, hub id (with or without its owner) and aliases are tried; then the beginning of one of these, as long as it
    does not end within a number, and does not leave out which version or size: a family is no model. Raises
    ``LehrError`` where several are meant, or none.

    >>> from lehr.recipes.catalogue.files import Catalogue
    >>> said = [("deepseek-ai/DeepSeek-V3", "model"), ("h100", "accelerator"), ("Step Law", "law")]
    >>> [resolve(text, group, Catalogue()) for text, group in said]
    ['deepseek_v3', 'h100_sxm', 'step_law']
    """
    if text.endswith(".yaml") or catalogue.has(group, text):
        return text
    if not text.strip():
        raise LehrError(
            f"{key or group}: a name is missing; write {key or group}=NAME, and nothing behind a last comma"
        )
    files = catalogue.files(group)
    meant = called(text, files, lambda: labels_of(group, catalogue))
    if len(meant) != 1 and group == "accelerator" and (usual := usual_part(text, files)):
        return usual
    if meant:
        return one_of(text, meant, group, key)
    raise nothing(text, group, files, key)


def called(text: str, names: Iterable[str], labels: Callable[[], Mapping[str, tuple[str, ...]]]) -> list[str]:
    """Which ``names`` are called ``text``: by the name, else by a label, else by how one of them begins; one that says
    itself which it is comes before one that shares its label with others.

    >>> labels = {"gpt_4": ("GPT-4",), "gpt_4o": ("GPT-4o",), "gemma_2_2b": (), "mistral_7b_v0_1": ()}
    >>> [called(text, labels, lambda: labels) for text in ("GPT 4", "gpt", "gemma 2", "Mistral 7B")]
    [['gpt_4'], ['gpt_4', 'gpt_4o'], [], ['mistral_7b_v0_1']]
    """
    names, wanted = list(names), joined(text)
    if not wanted:
        return []
    if found := [name for name in names if joined(name) == wanted]:
        return found
    known = labels()
    if found := [n for n in names if any(joined(label) == wanted for label in known.get(n, ()))]:
        return found
    begun = [name for name in names if begins(text, name, whole=False)]
    begun = begun or [n for n in names if any(begins(text, label, whole=False) for label in known.get(n, ()))]
    # one that leaves out its version or size is no name, be it the only one
    if len(begun) == 1 and not any(begins(text, label) for label in (begun[0], *known.get(begun[0], ()))):
        return []
    return begun


def joined(text: str) -> str:
    """The letters and digits of ``text`` in small letters; a plus is a letter here, as CodeT5+ is not CodeT5.

    >>> joined("Qwen2.5-Coder 7B"), joined("CodeT5+")
    ('qwen25coder7b', 'codet5p')
    """
    return "".join(words(text.replace("+", "p")))


def begins(text: str, label: str, *, whole: bool = True) -> bool:
    """Does ``label`` begin with ``text``, which ends at a part's end, or within a word?

    A number that goes on would be another one: Llama 3 is not Llama 3.1; nor is what lacks a version or a size a
    ``whole`` name.

    >>> [begins(text, "deepseek_v3_1_base") for text in ("deepseek v3", "DeepSeek-V3.1", "DeepSeek-V3.1-b")]
    [False, True, True]
    >>> begins("gemma 2", "gemma_2_2b"), begins("phi", "phi_3_5_mini"), begins("mistral 7b", "mistral_7b_v0_1")
    (False, False, True)
    >>> begins("starcoder 2", "starcoder2_3b", whole=False)
    True
    """
    wanted, have = parts(text), parts(label)
    # where spaces stand does not matter: StarCoder 2 is how StarCoder2-3B begins
    for end in range(1, len(have) + 1):
        if len(wanted) > 1 and "".join(have[:end]) == "".join(wanted):
            wanted = have[:end]
            break
    if not wanted or len(wanted) > len(have) or wanted[:-1] != have[: len(wanted) - 1]:
        return False
    last, there, rest = wanted[-1], have[len(wanted) - 1], have[len(wanted) :]
    if last != there and (last[-1].isdigit() or not there.startswith(last)):
        return False
    return not whole or (not (rest and rest[0][0].isdigit()) and not any(SIZE.fullmatch(part) for part in rest))


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


def nothing(text: str, group: str, files: Mapping[str, Path], key: str | None) -> LehrError:
    """The error where ``text`` means nothing, with what looks like it."""
    return LehrError(f"{f'{key}: ' if key else ''}no {group} is called {text!r}; {nearest_name(text, files)}")


ALIKE = 0.7
"""Twice the words that two names share over all of their words; from here on one may be meant by the other."""


def nearest_name(text: str, names: Iterable[str]) -> str:
    """What to write instead of ``text``.

    >>> nearest_name("Deepsek V3", ["deepseek_v3", "starcoder"])
    'did you mean deepseek_v3?'
    >>> nearest_name("llama3.1 70b instruct", ["codellama_70b_instruct", "llama_3_1_70b", "llama_3_1_8b"])
    'did you mean llama_3_1_70b?'
    >>> nearest_name("qwen 7b", ["codeqwen1_5_7b_chat", "qwen2_7b", "qwen2_5_7b"])
    'did you mean qwen2_7b or qwen2_5_7b?'
    >>> nearest_name("granite code", ["granite_3b_code", "granite_8b_code", "granite_4_2_3b", "starcoder"])
    'did you mean granite_3b_code or granite_8b_code?'
    >>> nearest_name("h1000", ["h100_sxm", "h800", "h200"])
    'did you mean h100_sxm?'
    """
    from difflib import get_close_matches

    known, wanted = list(names), Counter(words(text))

    def alike(name: str) -> float:
        have = Counter(words(name))
        return 2 * (wanted & have).total() / max((wanted + have).total(), 1)

    begun = [name for name in known if begins(text, name, whole=False)]
    if 0 < len(begun) <= FEW:
        return f"did you mean {' or '.join(begun)}?"
    # the plainer name first
    if has := sorted((name for name in known if has_all(text, name)), key=lambda name: len(parts(name))):
        more = f" or another of {len(has)}" if len(has) > FEW else ""
        return f"did you mean {' or '.join(has[:FEW])}{more}?"
    best = sorted((name for name in known if alike(name) >= ALIKE), key=lambda name: -alike(name))
    if best:
        close = [name for name in best if alike(name) >= alike(best[0]) - CLOSE][:FEW]
        return f"did you mean {' or '.join(close)}?"
    # h1000 is one letter from h100, of which h100_sxm is a kind
    begins_so = {parts(name)[0]: name for name in reversed(known) if parts(name) and parts(name)[0][-1].isdigit()}
    spelt = begins_so | {joined(name): name for name in reversed(known)}
    if found := get_close_matches(joined(text), spelt, n=1, cutoff=0.6):
        return f"did you mean {spelt[found[0]]}?"
    return nearest_few(text, known, 5) if known else "nothing may stand here"


def has_all(text: str, name: str) -> bool:
    """Does ``name`` have every part of ``text``, and begin with the first, whatever stands between?

    >>> has_all("qwen 7b", "qwen2_5_7b"), has_all("qwen 7b", "qwen2_5_72b"), has_all("qwen 7b", "codeqwen1_5_7b_chat")
    (True, False, False)
    """
    wanted, have = parts(text), parts(name)
    if not wanted or not have or not have[0].startswith(wanted[0]):
        return False
    return all(any(h == w or (w.isalpha() and h.startswith(w)) for h in have) for w in wanted)


CLOSE, FEW = 0.12, 3
"""Names that are so near the best one in this are told too, so many at most."""


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
    said = [data.get("title"), hub, hub.rpartition("/")[2]]
    also = data.get("also")
    also = also if isinstance(also, list) else []
    made = titled(name, data)[1] if data.get("title") else ()
    return tuple(dict.fromkeys(str(label) for label in (*said, *also, *made) if label))


@cache
def read(path: Path) -> Any:
    """The content of a file, once."""
    return load_yaml(path)

"""A command line taken apart: Hydra's flags, overrides as its grammar takes them, and bare words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.composing.group_files import is_path
from lehr.recipes.composing.overrides import written
from lehr.recipes.errors import LehrError

MAIN = {
    **dict.fromkeys(("report", "count", "layout", "export", "check", "rollout", "cost", "rehearse"), "model"),
    **{"compare": "names", "cite": "names", "explore": "selected", "find": "name", "models": "family"},
    **{"fit": "data", "track": "log", "import": "path", "calibrate": "table", "plan schedule": "steps"},
}
"""The setting that the bare words after a verb are short for."""

LISTS = ("names", "selected", "data", "log")
"""Main settings that take several; of the others several words are one name with spaces."""

FLAGS_WITH_VALUE = {
    *("-cd", "--config-dir", "-cn", "--config-name", "-cp", "--config-path", "-c", "--cfg", "-p", "--package"),
    "--experimental-rerun",
}
"""Hydra's flags that the next word belongs to."""


def with_main(verb: str, words: list[str], *, several: bool = False) -> list[str]:
    """``words`` with the bare ones said as the verb's main setting; ``several`` runs take each of them.

    Raises ``LehrError`` where the verb has none, or takes one thing and several are named.

    >>> with_main("report", ["Kimi", "K2", "law=chinchilla"]), with_main("compare", ["starcoder", "santacoder"])
    (['law=chinchilla', "model='Kimi K2'"], ['names=[starcoder,santacoder]'])
    """
    bare = [word for word in words if "=" not in word and not word.startswith(("+", "~"))]
    if not bare:
        return words
    rest = [word for word in words if word not in bare]
    key = MAIN.get(verb)
    if verb == "plan":
        said = "flops=1e23, usd=2M, or days=30 devices=512"
        raise LehrError(f"{bare[0]}: a budget of what? write {said}")
    if key is None:
        raise LehrError(f"{bare[0]}: which setting is it? write key={bare[0]}; lehr {verb} --help lists the keys")
    if key == "names" or (key in LISTS and len(bare) > 1):
        return [*rest, f"{key}=[{','.join(map(written, bare))}]"]
    if several:
        return [*rest, f"{key}={','.join(bare)}"]
    if key == "model" and len(bare) > 1 and all((CONF / "model" / f"{word}.yaml").is_file() for word in bare):
        said = f"lehr compare {' '.join(bare)}, or lehr {verb} -m model={','.join(bare)}"
        raise LehrError(f"model: one stands here, and {len(bare)} are named; write {said}")
    value = " ".join(bare)
    return [*rest, f"{key}={value if is_path(value) else written(value)}"]


def quoted(argument: str) -> str:
    """An override as Hydra's grammar takes it, which knows letters beyond ASCII between quotes only.

    >>> quoted("out=звіт"), quoted("out=report")
    ("out='звіт'", 'out=report')
    """
    key, sign, value = argument.partition("=")
    if not sign or value.isascii() or value[0] in "'\"[{" or "," in value or "(" in value:
        return argument
    return f"{key}='" + value.replace("'", "\\'") + "'"


def apart(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Overrides and Hydra's flags apart: its parser takes overrides in one piece only, a person writes them anywhere.

    >>> apart(["model=mine", "--config-dir", "my_conf", "recipe=starcoder", "-m"])
    (['model=mine', 'recipe=starcoder'], ['--config-dir', 'my_conf', '-m'])
    """
    overrides: list[str] = []
    flags: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            overrides.append(word)
            continue
        flags.append(word)
        if rest and (word in FLAGS_WITH_VALUE or (word in ("-i", "--info") and rest[0].replace("-", "").isalpha())):
            flags.append(rest.pop(0))
    return overrides, flags


IGNORED = {
    "hydra.run.dir": "out=",
    "hydra.output_subdir": "out=",
    "hydra.sweep.subdir": "out=",
    "hydra.job.chdir": "out=",
}
"""Settings of Hydra that say where its own files go, of which there are none here."""


def hydras_own(words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    """The overrides and flags with Hydra's own settings in the one way that is understood here.

    Raises ``LehrError`` for one that would be ignored.

    >>> hydras_own(["hydra.mode=MULTIRUN", "mfu=0.3,0.4"], [])
    (['mfu=0.3,0.4'], ['-m'])
    """
    for flag, after in pairwise([*flags, ""]):
        name, _, value = flag.partition("=")
        folder = value or after
        # which Hydra itself passes over where another place has the file
        if name in ("--config-dir", "-cd") and not Path(folder).is_dir():
            raise LehrError(f"{name}: there is no folder {folder}; write one that holds model/, recipe/ or law/")
    kept = []
    for word in words:
        key, _, value = word.lstrip("+").partition("=")
        if key in IGNORED:
            raise LehrError(f"{key}: lehr writes its own files, to the folder of {IGNORED[key]}...; leave it out")
        if key == "hydra.mode" and value.upper() in ("MULTIRUN", "RUN"):
            flags = [flag for flag in flags if flag not in ("-m", "--multirun")]
            flags += ["-m"] if value.upper() == "MULTIRUN" else []
        else:
            kept.append(word)
    return kept, flags

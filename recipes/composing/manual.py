"""What each verb takes, said once: in the comments of its primary config, which help, docs and numbers are read from.

``key: default  # what it is [unit]``; lines that begin with a comment further in go on with it, and a comment that
stands alone is the heading of what follows.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from functools import cache

import msgspec

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import load_yaml

UNITS = {
    "1": "a share of one, or per cent",
    "tokens": "tokens",
    "steps": "updates of the weights",
    "sequences": "sequences",
    "parameters": "parameters",
    "accelerators": "accelerators",
    "features": "numbers of a vector",
    "layers": "layers",
    "experts": "experts",
    "models": "models",
    "rows": "rows of a table",
    "fits": "fits",
    "jobs": "jobs of a sweep",
    "bytes": "bytes; 640GB and 80 GiB are understood",
    "FLOP": "floating-point operations",
    "h": "hours",
    "d": "days",
    "s": "seconds",
    "USD": "US dollars",
    "USD/h": "US dollars an hour",
}
"""What stands in brackets behind what a number is; 3T, 2M and 14.8 trillion are understood of each."""

GROUPS = {
    "model": "a network",
    "recipe": "how it is trained, stage by stage",
    "law": "a scaling law",
    "accelerator": "one device",
    "cluster": "accelerators and what joins them",
}
"""What a file of each group is."""

WIDTH = 110

_SETTING = re.compile(r"(\w+): *(.*?)(?:\s+#\s*(.*))?")
_GROUP = re.compile(r"  - (?:optional )?(\w+): *(\S*)(?:\s+#\s*(.*))?")
_UNIT = re.compile(rf"\[({'|'.join(map(re.escape, UNITS))})\]")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a verb takes: its key, its default as it is written, what it is, its unit where it is a number,
    and the heading that it stands under."""

    key: str
    default: str
    says: str
    heading: str = ""

    @property
    def unit(self) -> str | None:
        """What its number counts; ``None`` where it is no number."""
        found = _UNIT.search(self.says)
        return found[1] if found else None


class Manual(msgspec.Struct, frozen=True, kw_only=True):
    """What a verb does, with examples, and what it takes."""

    text: str
    groups: list[Setting]
    settings: list[Setting]


@cache
def manual(config: str) -> Manual:
    """What ``conf/<config>.yaml`` says.

    >>> said = {setting.key: setting for setting in manual("count").settings}
    >>> said["batch"].default, said["batch"].unit
    ('1', 'sequences')
    >>> [group.key for group in manual("count").groups]
    ['model', 'accelerator']
    """
    path = CONF / f"{config}.yaml"
    head = path.read_text("utf-8").partition("\nhydra:")[0]
    defaults, _, body = head.partition("\n\n")
    groups = [
        Setting(key=found[1], default=found[2], says=found[3] or GROUPS.get(found[1], ""))
        for line in defaults.splitlines()
        if (found := _GROUP.fullmatch(line)) and found[1] not in ("runtime", "override")
    ]
    whole = load_yaml(path)
    return Manual(text=whole["hydra"]["help"]["template"].rstrip(), groups=groups, settings=list(_settings(body)))


def _settings(body: str) -> Iterator[Setting]:
    heading, found = "", None
    for line in body.splitlines():
        stripped = line.strip()
        if match := _SETTING.fullmatch(line):
            if found is not None:
                yield found
            found = Setting(key=match[1], default=match[2], says=match[3] or "", heading=heading)
        elif stripped.startswith("#") and line.startswith(" ") and found is not None:
            found = msgspec.structs.replace(found, says=f"{found.says} {stripped.lstrip('# ')}".strip())
        elif stripped.startswith("#"):
            heading = stripped.lstrip("# ")
    if found is not None:
        yield found


def units_of(config: str) -> dict[str, str]:
    """The settings of a primary config that are numbers, and their units; none of a config of the user's own.

    >>> units_of("plan")["usd"]
    'USD'
    """
    if not (CONF / f"{config}.yaml").is_file():
        return {}
    return {setting.key: setting.unit for setting in manual(config).settings if setting.unit}


def help_of(config: str) -> str:
    """The whole of ``--help``: what the verb does, examples, and what it takes with defaults and units."""
    page = manual(config)
    lines = [page.text, ""]
    if page.groups:
        lines += ["Groups: a name of the catalogue, a title or an alias (lehr find), or ./a_file.yaml of yours", ""]
        lines += [*_table(page.groups), ""]
    heading = None
    for setting in page.settings:
        if setting.heading != heading:
            heading = setting.heading
            lines += ["", f"Settings: {heading}" if heading else "Settings", ""]
        lines += _table([setting])
    lines += ["", "Numbers: 3T, 2M, 1e12, 14.8 trillion, 40 %. A setting left out has the value shown; null: none."]
    lines += ["Flags: -m several runs   --cfg job the composed configuration   --config-dir DIR your own files"]
    lines += ["       --info what was composed from where   --hydra-help all of Hydra's flags"]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


def _table(settings: list[Setting]) -> list[str]:
    lines = []
    for setting in settings:
        default = setting.default if len(setting.default) <= 24 else "[...]"
        left = f"  {setting.key}={default}"
        says = _UNIT.sub("", setting.says).replace(" ;", ";").strip()
        said = textwrap.wrap(f"[{setting.unit}] {says}" if setting.unit else says, WIDTH - 34) or [""]
        lines.append(f"{left:<33} {said[0]}" if len(left) < 33 else f"{left}\n{'':<33} {said[0]}")
        lines += [f"{'':<33} {line}" for line in said[1:]]
    return lines

"""The pages of the reference, made while the site is built: from the configs, the code and the catalogue.

None of them can be out of date.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import lehr
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.cli import VERBS, file_of
from lehr.recipes.composing.manual import UNITS, Setting, manual
from lehr.simulators.layers import Layer
from lehr.simulators.schedules import shapes


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages, as MkDocs asks."""
    from mkdocs.structure.files import File

    for name, text in pages().items():
        files.append(File.generated(config, f"reference/{name}.md", content=text))
    return files


def pages() -> dict[str, str]:
    """The generated pages by name."""
    return {
        "verbs": verbs(),
        "laws": laws(),
        "parts": parts(),
        "accelerators": accelerators(),
        "python": python(),
    }


def cell(text: object) -> str:
    """Text that stands in a Markdown table."""
    said = " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;").replace("{{", "{ {")
    return said.replace("*", "\\*")


def table(headings: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = [headings, ["---"] * len(headings), *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def verbs() -> str:
    """Every verb with its examples and settings, from ``conf/<verb>.yaml``."""
    blocks = ["# Verbs and their settings", "The same stands in `lehr VERB --help`.", units()]
    for verb, says in VERBS.items():
        page = manual(file_of(verb))
        blocks += [f"## lehr {verb}", f"{says[0].upper()}{says[1:]}.", f"```text\n{page.text}\n```"]
        blocks.append(table(["Setting", "Default", "Unit", "What it is"], [*rows_of(page.groups + page.settings)]))
    return "\n\n".join(blocks) + "\n"


def rows_of(settings: list[Setting]) -> Iterator[list[object]]:
    """A row for each setting."""
    for setting in settings:
        unit = setting.unit or ""
        says = setting.says.replace(f"[{unit}]", "").replace(" ;", ";") if unit else setting.says
        yield [f"`{setting.key}`", f"`{setting.default}`", unit, says]


def units() -> str:
    """What the units are."""
    return table(["Unit", "What a number counts"], [[unit, says] for unit, says in UNITS.items()])


def laws() -> str:
    """Every law of the catalogue with its form, range and source."""
    rows: list[list[object]] = []
    for name, path in Catalogue().files("law").items():
        data = load_yaml(path)
        within = "; ".join(f"{key} {value[0]:g} to {value[1]:g}" for key, value in ranges(data))
        source = (data.get("provenance") or {}).get("default", {}).get("source", "")
        kind = f"`{data.get('kind', '')}`"
        rows.append([f"`{name}`", data.get("title", ""), kind, within or "not on record", source])
    intro = "`law=NAME` takes any of them; `lehr cite NAME` has the source, and `lehr fit` fits the forms to your runs."
    heads = ["Name", "What it is", "Form", "Range of its runs", "Source"]
    return "\n\n".join(["# Laws", intro, table(heads, rows)]) + "\n"


def ranges(data: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    """The ranges that a law's file states."""
    for key, value in (data.get("range") or {}).items():
        if isinstance(value, list) and len(value) == 2 and all(isinstance(v, (int, float)) for v in value):
            yield key, value


def parts() -> str:
    """Every schedule and every layer, as its class says."""
    blocks = ["# Schedules and layers", "## Shapes of a decay", f"```text\n{inspect.getdoc(shapes)}\n```", "## Layers"]
    for layer in sorted(subclasses(Layer), key=lambda one: one.__name__):
        blocks += [f"### {layer.__name__}", f"```text\n{inspect.getdoc(layer)}\n```"]
    return "\n\n".join(blocks) + "\n"


def subclasses(of: type) -> Iterator[type]:
    """The classes below ``of`` that have words of their own."""
    for one in of.__subclasses__():
        if one.__doc__:
            yield one
        yield from subclasses(one)


def accelerators() -> str:
    """Every accelerator and cluster."""
    catalogue = Catalogue()
    rows: list[list[object]] = [
        [f"`{name}`", device.title, ", ".join(f"{p} {peak / 1e12:,.0f}" for p, peak in device.peak.items()),
         f"${device.price.usd_per_hour:g} ({device.price.date})" if device.price else "not on record"]
        for name, device in catalogue.accelerators.items()
    ]  # fmt: skip
    clusters: list[list[object]] = [
        [f"`{name}`", load_yaml(path).get("title", "")] for name, path in catalogue.files("cluster").items()
    ]
    heads = ["Name", "Title", "Dense peak [TFLOP/s]", "Dated price of an hour"]
    return "\n\n".join([
        "# Accelerators and clusters",
        "`accelerator=NAME` takes a name, a title or `h100`; `./mine.yaml` is one of yours.",
        table(heads, rows), "## Clusters", table(["Name", "Title"], clusters),
    ]) + "\n"  # fmt: skip


def python() -> str:
    """Every public name of the library."""
    blocks = ["# Python", "`import lehr`; what a verb computes has a function of the same name."]
    for name in sorted(lehr.__all__):
        thing = getattr(lehr, name)
        if inspect.isfunction(thing):
            blocks += [f"## lehr.{name}", f"```python\n{name}{inspect.signature(thing)}\n```"]
            blocks += [f"```text\n{inspect.getdoc(thing)}\n```"]
        elif inspect.isclass(thing):
            blocks += [f"## lehr.{name}", str(inspect.getdoc(thing)).partition("\n")[0]]
    return "\n\n".join(blocks) + "\n"

"""The report as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from lehr.recipes.presenting.document import MARKS, Document, Part, Picture, is_link
from lehr.recipes.presenting.figures import for_page
from lehr.recipes.presenting.markdown import marks_in, marks_used

TEMPLATES = Path(__file__).parent / "templates"


def environment(templates: Path) -> Environment:
    """Jinja over a folder of templates: what is not our own markup is escaped, what is not there is an error."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def as_html(document: Document, figures: Mapping[str, str]) -> str:
    """The document as HTML; ``figures`` are SVG by the name of their picture."""
    pictures = [part for section in document.sections for part in section.parts if isinstance(part, Picture)]
    alternatives = {picture.name: picture.alternative for picture in pictures}
    # the SVG is our own drawing, and its label is escaped here
    inline = {name: Markup(for_page(svg, name, str(escape(alternatives[name])))) for name, svg in figures.items()}
    return (
        environment(TEMPLATES)
        .get_template("report.html.j2")
        .render(
            document=document,
            figures=inline,
            legend=[(mark, *MARKS[mark]) for mark in marks_used(document)],
            marks=marks_in(document),
            style=Markup((TEMPLATES / "report.css").read_text()),
            kind=kind_of,
            is_link=is_link,
        )
    )


def kind_of(part: Part) -> str:
    """The name of a part's type, by which the template chooses."""
    return type(part).__name__

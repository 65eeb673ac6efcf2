"""The report as Markdown."""

from __future__ import annotations

import re
from urllib.parse import quote

from lehr.recipes.presenting.document import (
    MARKS,
    Bullets,
    Cards,
    Cell,
    Document,
    Mark,
    Part,
    Picture,
    Sources,
    Table,
    Text,
    is_link,
)

LEFT = "%/:?#@!$&'*+,;=~"
"""Characters that an address may have and that end no link."""


def as_markdown(document: Document) -> str:
    """The document as text with tables; figures are links to ``plots/*.png``."""
    blocks = [f"# {escaped(document.title)}", f"**{escaped(document.verdict)}**", escaped(document.subtitle)]
    for section in document.sections:
        blocks.append(f"## {escaped(section.title)}")
        for part in section.parts:
            blocks += _part(part, document)
        if section.name == "stages":
            blocks.append(legend(document))
    blocks.append(f"Written by lehr {document.version}.")
    return "\n\n".join(block for block in blocks if block) + "\n"


def marks_used(document: Document) -> list[Mark]:
    """The origins that need a sign and occur in the document."""
    found = marks_in(document)
    return [mark for mark in MARKS if mark in found]


def marks_in(document: Document) -> set[Mark]:
    """The origins of all values of the document."""
    parts = [part for section in document.sections for part in section.parts]
    found: set[Mark] = {c.mark for part in parts if isinstance(part, Table) for row in part.rows for c in row}
    return found | {card.mark for part in parts if isinstance(part, Cards) for card in part.cards}


def legend(document: Document) -> str:
    """What the signs say."""
    return "  \n".join(f"{sign} {says}." for sign, says in (MARKS[mark] for mark in marks_used(document)))


def escaped(text: str) -> str:
    """Text that Markdown leaves as it is.

    >>> escaped("a_b | *c* <d> [1] [e](f)")
    'a_b \\\\| \\\\*c\\\\* \\\\<d\\\\> [1] [e\\\\](f)'
    """
    for character in ("\\", "|", "*", "<", ">", "`"):
        text = text.replace(character, f"\\{character}")
    # a number in brackets is a source; what comes right after one would make it a link
    return " ".join(re.sub(r"\](?=[(\[:])", r"\\]", text).split())


def _part(part: Part, document: Document) -> list[str]:
    if isinstance(part, Text):
        return [escaped(part.text)]
    if isinstance(part, Picture):
        return [
            f"### {escaped(part.title)}",
            f"![{escaped(part.alternative)}](plots/{part.name}.png)",
            f"{escaped(part.caption)} [SVG](plots/{part.name}.svg)",
        ]
    if isinstance(part, Cards):
        rows = [
            f"| {escaped(c.label)} | **{escaped(c.value)}** | {'; '.join(escaped(line) for line in c.lines)} |"
            for c in part.cards
        ]
        return ["\n".join(["| | | |", "| --- | --- | --- |", *rows])]
    if isinstance(part, Bullets):
        return ["\n".join(f"- **{escaped(term)}**: {escaped(text)}" for term, text in part.items)]
    if isinstance(part, Sources):
        return ["\n".join(_source(part))]
    return [f"### {escaped(part.caption)}", _table(part, document)]


def _table(table: Table, document: Document) -> str:
    headings = [f"{escaped(c.heading)} ({escaped(c.unit)})" if c.unit else escaped(c.heading) for c in table.columns]
    rule = ["---:" if c.numeric else "---" for c in table.columns]
    rows = [[_cell(cell, document) for cell in row] for row in table.rows]
    for row in rows[len(rows) - table.totals :]:
        row[:] = [f"**{cell}**" if cell else "" for cell in row]
    return "\n".join(f"| {' | '.join(row)} |" for row in [headings, rule, *rows])


def _cell(cell: Cell, document: Document) -> str:
    text = escaped(cell.text) + cell.sign
    if cell.mark in ("agrees", "differs", "fails", "unknown"):
        text = f"*{text}*" if cell.mark == "unknown" else f"**{text}**" if cell.mark == "fails" else text
    if cell.below:
        text += f"; {escaped(cell.below)}" if cell.text else escaped(cell.below)
    if cell.source is not None:
        text = " ".join(part for part in (f"[{document.numbers.get(cell.source, '?')}]", text) if part)
    return text


def _source(part: Sources) -> list[str]:
    lines = []
    for entry in part.sources:
        title = escaped(entry.title)
        link = f"[{title}]({quote(entry.url, safe=LEFT)})" if is_link(entry.url) else title
        described = ". ".join(escaped(p) for p in (entry.by, entry.note) if p)
        lines.append(f"{entry.number}. {link}{'. ' + described if described else ''}")
        lines += [
            f"    - {escaped(place)}: {escaped(what)}" if place else f"    - {escaped(what)}"
            for place, what in entry.uses
        ]
    return lines

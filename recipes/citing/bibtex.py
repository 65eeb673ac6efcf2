"""A source of the bibliography as a BibTeX entry."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from lehr.simulators.evidence import Source

ARXIV = re.compile(r"arxiv\.org/(?:abs|pdf|html)/(?P<id>\d{4}\.\d{4,5}|[a-z-]+/\d{7})(?P<version>v\d+)?")
DOI = re.compile(r"doi\.org/(?P<id>10\.\d{4,9}/\S+)")
SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\textbraceleft{}", "}": r"\textbraceright{}",
    "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip
"""What LaTeX takes for something else, and how it is written; BibTeX counts braces whatever stands before them."""


def bibtex(key: str, source: Source, places: Sequence[str] = ()) -> str:
    r"""``source`` as an entry called ``key``; ``places`` are where in it the catalogue read.

    >>> print(bibtex("hoffmann_2022", Source(title="Training & compute", authors="Jordan Hoffmann; Laurent Sifre",
    ...     year=2022, url="https://arxiv.org/abs/2203.15556"), ["Table A3"]))
    @misc{hoffmann_2022,
      title = {{Training \& compute}},
      author = {Jordan Hoffmann and Laurent Sifre},
      year = {2022},
      eprint = {2203.15556},
      archiveprefix = {arXiv},
      url = {https://arxiv.org/abs/2203.15556},
      annote = {read at: Table A3}
    }
    """
    said: dict[str, Any] = msgspec.to_builtins(source)
    fields = {"title": f"{{{escaped(source.title)}}}"}
    if people := names(said.get("authors")):
        fields["author"] = " and ".join(people)
    if source.year is not None:
        fields["year"] = str(source.year)
    fields |= identifiers(said)
    fields["url"] = source.url.replace(" ", "%20")
    if source.remark:
        fields["note"] = escaped(source.remark)
    if places:
        fields["annote"] = escaped(f"read at: {'; '.join(places)}")
    body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return f"@misc{{{key},\n{body}\n}}"


def identifiers(said: Mapping[str, Any]) -> dict[str, str]:
    """The DOI and the number at arXiv, as stated or as the address has them."""
    found: dict[str, str] = {}
    url = str(said.get("url", ""))
    doi, arxiv = DOI.search(url), ARXIV.search(url)
    if number := said.get("arxiv") or (arxiv and arxiv["id"] + (arxiv["version"] or "")):
        found |= {"eprint": str(number), "archiveprefix": "arXiv"}
    if stated := said.get("doi") or (doi and doi["id"]):
        found["doi"] = str(stated)
    return found


def names(authors: object) -> list[str]:
    """The authors as BibTeX takes them: people as they are, a body between braces, ``others`` for the rest.

    >>> names("Li et al."), names("Gu and Dao"), names("BigCode"), names("Jane Doe; John Roe")
    (['Li', 'others'], ['Gu', 'Dao'], ['{BigCode}'], ['Jane Doe', 'John Roe'])
    """
    if not authors:
        return []
    if isinstance(authors, (list, tuple)):
        return [escaped(str(name)) for name in authors]
    text = str(authors).strip()
    rest = re.search(r",?\s+et al\.?$", text)
    text = text[: rest.start()] if rest else text
    if ";" in text:
        people = [escaped(name.strip()) for name in text.split(";") if name.strip()]
    else:
        several = text.split(" and ")
        alone = len(several) == 1 and rest is None
        people = [f"{{{escaped(n)}}}" if alone or " " in n or "," in n else escaped(n) for n in map(str.strip, several)]
    return [*people, "others"] if rest else people


def escaped(text: str) -> str:
    r"""``text`` with what LaTeX takes for something else written so that it does not.

    >>> escaped("50% of R&D")
    '50\\% of R\\&D'
    """
    return "".join(SPECIAL.get(letter, letter) for letter in " ".join(text.split()))

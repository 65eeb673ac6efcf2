"""``lehr cite``: what it prints is BibTeX that a parser reads back, of every source that an entry rests on."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.citing.bibtex import bibtex
from lehr.recipes.citing.gathering import sources_of
from lehr.recipes.errors import LehrError
from lehr.simulators.evidence import Source
from tests.command import lehr

database = pytest.importorskip("pybtex.database")

CATALOGUE = Catalogue()
ROOT = Path(__file__).parents[2]


def plain(text: str) -> str:
    """LaTeX as the text that it sets."""
    for command, letter in ((r"\textbraceleft{}", "("), (r"\textbraceright{}", ")"), (r"\textasciitilde{}", "~")):
        text = text.replace(command, letter)
    return re.sub(r"\\([&%$#_])", r"\1", text).replace("{", "").replace("}", "")


def test_the_whole_bibliography_is_read_back() -> None:
    printed = lehr("cite", "all").stdout
    found = database.parse_string(printed, "bibtex").entries
    assert set(found) == set(CATALOGUE.sources)
    for key, source in CATALOGUE.sources.items():
        entry = found[key]
        assert entry.fields["url"] == source.url.replace(" ", "%20"), key
        assert entry.fields.get("year") == (str(source.year) if source.year else None), key
        told = source.title.replace("{", "(").replace("}", ")")
        assert plain(entry.fields["title"]).split() == told.split(), key
        assert bool(entry.persons.get("author")) == bool(source.authors), key
        if "arxiv.org/abs/" in source.url:
            assert source.url.endswith(entry.fields["eprint"]), key


def under(data: Any) -> set[str]:
    """Every value of a key called source."""
    if isinstance(data, dict):
        own = {data["source"]} if isinstance(data.get("source"), str) else set()
        return own.union(*(under(value) for value in data.values()))
    return set[str]().union(*(under(value) for value in data)) if isinstance(data, list) else set()


@pytest.mark.parametrize(
    "name", ["kimi_k2", "deepseek_v3", "starcoder", "besiroglu", "h100_sxm", "grpo", "the_stack_v2"]
)
def test_every_source_of_an_entry_is_cited(name: str) -> None:
    files = [
        CATALOGUE.files(group).get(name) for group in ("model", "recipe", "law", "accelerator", "method", "dataset")
    ]
    wanted = set[str]().union(*(under(load_yaml(path)) for path in files if path))
    found = sources_of(CATALOGUE, [name])
    assert wanted
    assert wanted <= set(found)
    printed = "\n".join(bibtex(key, CATALOGUE.sources[key], places) for key, places in found.items())
    assert set(database.parse_string(printed, "bibtex").entries) == set(found)


@pytest.mark.slow
def test_a_name_that_people_use_is_enough() -> None:
    assert set(sources_of(CATALOGUE, ["DeepSeek-V3"])) >= set(sources_of(CATALOGUE, ["deepseek_v3"]))
    rows = json.loads(lehr("cite", "GSPO", "format=json").stdout)
    assert [row["key"] for row in rows] == ["zheng_2025_gspo"]
    assert rows[0]["places"] == ["abstract"]


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ([], "write lehr cite kimi_k2"),
        (["kimi_k3000x"], "nothing is called"),
        (["grpo", "format=xml"], "format: 'xml'"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], advice: str) -> None:
    done = lehr("cite", *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert advice in done.stderr


def test_what_the_bibliography_has_not_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "method").mkdir()
    text = "name: x\ntitle: X\nkind: data\nwhat: y\nprovenance:\n"
    text += "  default: {origin: published, source: nobody_1900, place: here}\n"
    (tmp_path / "method" / "x.yaml").write_text(text)
    with pytest.raises(LehrError, match=r"method/x\.yaml: cites nobody_1900"):
        sources_of(Catalogue([tmp_path]), ["x"])


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x17F), min_size=1, max_size=30).filter(str.strip)


@given(title=TEXT, author=TEXT, note=TEXT, place=TEXT)
def test_whatever_a_source_is_called_it_is_read_back(title: str, author: str, note: str, place: str) -> None:
    source = Source(title=title, url="https://example.org/a?b=1&c=%20", authors=author, year=2024, note=note)
    (entry,) = database.parse_string(bibtex("key", source, [place]), "bibtex").entries.values()
    assert set(entry.fields) >= {"title", "year", "url", "note", "annote"}
    assert entry.fields["url"] == source.url


def test_the_program_can_be_cited() -> None:
    said = load_yaml(ROOT / "CITATION.cff")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # what the format requires (citation-file-format 1.2.0), and what must not fall behind
    assert {"cff-version", "message", "title", "authors"} <= set(said)
    assert (said["cff-version"], said["version"], said["license"]) == ("1.2.0", project["version"], project["license"])
    assert all("name" in author or "family-names" in author for author in said["authors"])

"""``lehr export-data``: what is written reads back as the catalogue, each figure with who said it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lehr.conf import __version__ as edition
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.publishing.cells import GROUPS, Cell, cells_of, read_back
from tests.command import lehr

pq = pytest.importorskip("pyarrow.parquet")
CATALOGUE = Catalogue()
FILES = {(g, name): load_yaml(path) for g in GROUPS for name, path in CATALOGUE.files(g).items()}


def export(folder: Path) -> CompletedProcess[str]:
    return lehr("export-data", f"out={folder}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "data"
    done = export(path)
    assert done.returncode == 0, done.stderr
    assert f"edition {edition}" in done.stdout
    return path


def from_csv(folder: Path) -> list[Cell]:
    # the largest field is a law's table of draws
    csv.field_size_limit(10**7)
    rows = csv.DictReader(io.StringIO((folder / "values.csv").read_text(), newline=""))
    plain = [{key: value or None for key, value in row.items()} for row in rows]
    return [msgspec.convert({**row, "number": row["number"] and float(row["number"])}, Cell) for row in plain]


def from_parquet(folder: Path) -> list[Cell]:
    return [msgspec.convert(row, Cell) for row in pq.read_table(folder / "values.parquet").to_pylist()]


def from_json_ld(folder: Path) -> list[Cell]:
    graph = json.loads((folder / "catalogue.jsonld").read_text())["@graph"]
    return [
        Cell(
            group=node["additionalType"],
            name=node["name"],
            path=one["propertyID"],
            value=json.dumps(one["value"], ensure_ascii=False),
        )
        for node in graph
        if "additionalProperty" in node
        for one in node["additionalProperty"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize("read", [from_csv, from_parquet, from_json_ld], ids=["CSV", "Parquet", "JSON-LD"])
def test_it_reads_back_equal(read: Any, folder: Path) -> None:
    assert read_back(read(folder)) == FILES


def test_the_formats_say_the_same(folder: Path) -> None:
    assert from_csv(folder) == from_parquet(folder)


def test_each_figure_has_its_origin_and_its_source(folder: Path) -> None:
    rows = [row for row in from_parquet(folder) if row.number is not None and not row.path.startswith("provenance.")]
    assert len(rows) > 4000
    for row in rows:
        assert row.origin in ("published", "second-hand", "derived", "assumed"), row
        assert row.source in CATALOGUE.sources if row.origin in ("published", "second-hand") else row.note, row
        retold = row.source is not None and CATALOGUE.sources[row.source].second_hand
        assert row.origin != ("published" if retold else "second-hand"), row
    keys = {row["key"] for row in pq.read_table(folder / "sources.parquet").to_pylist()}
    assert keys == set(CATALOGUE.sources)


def test_the_description_is_a_data_set_of_schema_org(folder: Path) -> None:
    document = json.loads((folder / "catalogue.jsonld").read_text())
    data_set = document["@graph"][0]
    assert document["@context"] == "https://schema.org/"
    assert data_set["@type"] == "Dataset"
    assert data_set["version"] == edition
    assert {part["contentUrl"] for part in data_set["distribution"]} | {"catalogue.jsonld"} == {
        path.name for path in folder.iterdir() if not path.name.startswith(".")
    }
    ids = {node["@id"] for node in document["@graph"]}
    based = {
        one["isBasedOn"]["@id"]
        for n in document["@graph"]
        for one in n.get("additionalProperty", ())
        if "isBasedOn" in one
    }
    assert based <= ids
    assert {part["@id"] for key in ("hasPart", "citation") for part in data_set[key]} <= ids


@pytest.mark.slow
def test_a_second_run_writes_the_same_bytes(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert export(folder).returncode == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


KEYS = st.text(max_size=6) | st.integers(-5, 5)
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
DATA = st.recursive(VALUES, lambda below: st.lists(below, max_size=3) | st.dictionaries(KEYS, below, max_size=3))


@given(st.dictionaries(st.text(max_size=6).filter(lambda key: key != "provenance"), DATA, min_size=1, max_size=4))
def test_whatever_a_file_holds_it_is_read_back(data: dict[str, Any]) -> None:
    assert read_back(cells_of("model", "x", data)) == {("model", "x"): data}

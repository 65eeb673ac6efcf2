"""The bill of materials has every package that lehr needs, once, with a licence; every reference leads somewhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).parents[2] / ".ci" / "sbom.py"


def bill(*extras: str) -> dict[str, list[dict[str, object]]]:
    said = subprocess.run([sys.executable, str(SCRIPT), *extras], capture_output=True, text=True, check=True).stdout
    found: dict[str, list[dict[str, object]]] = json.loads(said)
    return found


def test_it_lists_what_an_installation_brings_along() -> None:
    found = bill()
    names = [str(one["name"]) for one in found["components"]]
    assert len(names) == len(set(names))
    # a requirement, one of a requirement's, and none of the tests'
    assert {"hydra-core", "antlr4-python3-runtime", "numpy"} <= set(names)
    assert "pytest" not in names
    assert "pytest" in [one["name"] for one in bill("test")["components"]]


def test_every_package_has_a_licence_and_every_reference_leads_somewhere() -> None:
    found = bill()
    assert [one["name"] for one in found["components"] if "not said" in json.dumps(one["licenses"])] == []
    refs = [one["bom-ref"] for one in found["components"]]
    assert all(str(ref).startswith("pkg:pypi/") for ref in refs)
    depends = {row["ref"]: row["dependsOn"] for row in found["dependencies"]}
    (own,) = set(depends) - set(refs)
    assert str(own).startswith("pkg:pypi/lehr@")
    assert {ref for row in depends.values() for ref in row} == set(refs)  # type: ignore[attr-defined]

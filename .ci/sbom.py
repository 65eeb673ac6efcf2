"""A bill of materials of what an installation of lehr brings along: CycloneDX 1.6, as JSON on standard output.

``python .ci/sbom.py EXTRA...`` takes extras in too. Packages that the environment lacks are not listed.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from licences import licence
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needs(of: Distribution, extras: tuple[str, ...]) -> list[str]:
    """The packages that a distribution requires here, with its ``extras``."""
    wanted = [Requirement(line) for line in of.requires or []]
    here = [r for r in wanted if r.marker is None or any(r.marker.evaluate({"extra": e}) for e in ("", *extras))]
    return sorted({canonicalize_name(r.name) for r in here})


def component(of: Distribution) -> dict[str, Any]:
    """One package: what it is called, its version and its licence."""
    name = canonicalize_name(of.metadata["Name"])
    purl = f"pkg:pypi/{name}@{of.version}"
    said = of.metadata.get_all("License-Expression")
    terms: dict[str, Any] = {"expression": said[0]} if said else {"license": {"name": licence(of.metadata)}}
    return {"type": "library", "bom-ref": purl, "name": name, "version": of.version, "purl": purl, "licenses": [terms]}


def bill(extras: tuple[str, ...] = ()) -> dict[str, Any]:
    """The bill: lehr, everything that it needs, and who needs what."""
    found: dict[str, Distribution] = {}
    waiting = ["lehr"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            try:
                found[name] = distribution(name)
            except PackageNotFoundError:
                continue
            waiting += needs(found[name], extras if name == "lehr" else ())
    parts = {name: component(one) for name, one in sorted(found.items())}
    tree = [
        {"ref": parts[name]["bom-ref"], "dependsOn": [parts[n]["bom-ref"] for n in needs(one, extras) if n in parts]}
        for name, one in sorted(found.items())
    ]
    own = parts.pop("lehr") | {"type": "application"}
    return {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "metadata": {"component": own},
        "components": list(parts.values()), "dependencies": tree,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(bill(tuple(sys.argv[1:])), indent=1))

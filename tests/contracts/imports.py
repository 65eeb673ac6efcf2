"""Who imports whom: every import in the house, those inside functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("recipes", "simulators")

Graph = Mapping[str, frozenset[str]]
"""By module, or by folder: what it imports."""


@cache
def modules() -> dict[str, Path]:
    """Every module by its dotted name."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    named = {"lehr." + ".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): path for name, path in named.items()}


@cache
def graph() -> Graph:
    """What each module imports of the others, at its top and inside functions; text handed to an importer too."""
    return {name: frozenset(imports(path, set(modules())) - {name}) for name, path in modules().items()}


def imports(path: Path, known: set[str]) -> set[str]:
    """The modules of ``known`` that the file at ``path`` imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            # from a package: the module of that name where there is one, else the package's own word
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                found.add(inside if inside in known else str(node.module))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return found & known


def circles(edges: Graph) -> list[list[str]]:
    """The strongly connected parts of more than one node (Tarjan).

    >>> circles({"a": frozenset("b"), "b": frozenset("c"), "c": frozenset("b"), "d": frozenset("a")})
    [['b', 'c']]
    """
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in edges.get(node, ()):
            if other not in order:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], order[other])
        if low[node] == order[node]:
            at = stack.index(node)
            if len(part := stack[at:]) > 1:
                found.append(sorted(part))
            del stack[at:]

    for node in edges:
        if node not in order:
            visit(node)
    return found


def folders(edges: Graph, depth: int) -> Graph:
    """The same between folders: a module counts for its folder ``depth`` levels below ``lehr``, or for itself where it
    lies higher."""

    def folder(name: str) -> str:
        parts = name.split(".")
        package = modules()[name].name == "__init__.py"
        return ".".join(parts[: depth + 1]) if package or len(parts) > depth + 1 else name

    found: dict[str, set[str]] = {}
    for name, others in edges.items():
        found.setdefault(folder(name), set()).update(folder(other) for other in others)
    return {name: frozenset(others - {name}) for name, others in found.items()}


def importers(edges: Graph, below: str) -> Iterable[tuple[str, str]]:
    """Who imports something at or below a package, from outside it or from another module of it."""
    for name, others in edges.items():
        for other in others:
            if other == below or other.startswith(f"{below}."):
                yield name, other

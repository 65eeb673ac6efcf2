"""What the catalogue holds as data: its models, its sources, its tables, and what it projected before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lehr.recipes.library.common import Folder, catalogue_of, write

if TYPE_CHECKING:
    from lehr.recipes.catalogue.entries import Model
    from lehr.recipes.citing.citations import Citation
    from lehr.recipes.publishing.run import Published
    from lehr.recipes.reference import Change


def models(
    *,
    family: str | None = None,
    kind: str | None = None,
    open: str | None = None,
    min_parameters: float | None = None,
    max_parameters: float | None = None,
    config_dir: Folder = None,
) -> list[Model]:
    """The models that pass the filters, by name (``lehr models``); bounds are of the parameters [1].

    >>> [model.name for model in models(family="StarCoder", max_parameters=2e9)]
    ['starcoderbase_1b']
    """
    from lehr.recipes.catalogue.listing import listed

    return listed(
        catalogue_of(config_dir),
        family=family,
        kind=kind,
        open=open,
        min_parameters=min_parameters,
        max_parameters=max_parameters,
    )


def cite(*names: str, config_dir: Folder = None) -> list[Citation]:
    """The sources that the entries called ``names`` rest on, with the places that were read (``lehr cite``).

    >>> [source.key for source in cite("besiroglu")]
    ['besiroglu_2024_chinchilla', 'hoffmann_2022_chinchilla']
    >>> cite("besiroglu")[0].bibtex().partition("{")[0]
    '@misc'
    """
    from lehr.recipes.citing.citations import citations

    return citations(catalogue_of(config_dir), list(names))


def export_data(*, out: Folder = None, config_dir: Folder = None) -> Published:
    """The whole catalogue as CSV, Parquet and JSON-LD, each value with its source: ``.files`` by name.

    With ``out`` that folder will hold them, and nothing else of ours (``lehr export-data``).

    >>> sorted(export_data().files)[:2]
    ['catalogue.jsonld', 'measured_decode.csv']
    """
    from lehr.recipes.publishing.run import publish

    found = publish(catalogue_of(config_dir))
    if out is not None:
        write(Path(out), found.files)
    return found


def reference(
    folder: Path | str, *, accept: str | None = None, changelog: Path | str = "MOVED.md", config_dir: Folder = None
) -> list[Change]:
    """The figures of the catalogue's projections that differ from the references in ``folder`` (``lehr reference``).

    With a reason to ``accept`` them they become the references, and the changelog says why.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as empty:
    ...     {change.after for change in reference(empty)}
    {'new'}
    """
    from lehr.recipes.reference import accept as accept_figures
    from lehr.recipes.reference import changes, project_all, read, stated

    reason, now = stated(accept), project_all(catalogue_of(config_dir))
    moved = changes(read(Path(folder)), now)
    if reason is not None:
        accept_figures(now, moved, reason, Path(folder), Path(changelog))
    return moved

"""What a run that was stopped goes on from. A checkpoint is read as tensors and numbers only; nothing in it runs."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec

from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import MANIFEST, write_file

NAME = "checkpoint.pt"
VERSION = 1


class State(msgspec.Struct, kw_only=True, eq=False):
    """Where a run is: ``step`` updates of stage ``stage`` are done. ``rows`` are the logs so far."""

    stage: int
    step: int
    weights: dict[str, Any]
    optimizers: list[dict[str, Any]]
    rows: list[list[tuple[Any, ...]]]


def save(folder: Path, fingerprint: str, state: State) -> None:
    """Put the state in ``folder``, whole or not at all."""
    body = {
        "version": VERSION, "fingerprint": fingerprint, "stage": state.stage, "step": state.step,
        "weights": {name: weight.detach() for name, weight in state.weights.items()},
        "optimizers": state.optimizers, "rows": [[list(row) for row in rows] for rows in state.rows],
    }  # fmt: skip
    write_file(folder / NAME, _bytes(body))


def load(folder: Path, fingerprint: str) -> State | None:
    """The state in ``folder``, or ``None`` where nothing was saved.

    Raises ``LehrError`` where it is of another rehearsal, or is no checkpoint.
    """
    path = folder / NAME
    if not path.is_file():
        return None
    body = _read(path)
    if body.get("version") != VERSION or body.get("fingerprint") != fingerprint:
        raise LehrError(
            f"{path}: a rehearsal with other settings, corpus or torch is there already; write another name=, or "
            "overwrite=true"
        )
    try:
        return State(
            stage=body["stage"], step=body["step"], weights=body["weights"], optimizers=body["optimizers"],
            rows=[[tuple(row) for row in rows] for rows in body["rows"]],
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise LehrError(f"{path}: is no checkpoint; write another name=, or overwrite=true") from error


def files_of(folder: Path) -> list[Path]:
    """Logs, checkpoint and weights that a run keeps in ``folder``."""
    found = [*folder.glob(NAME), *folder.glob("[0-9][0-9]_*.csv"), *folder.glob("weights/[0-9][0-9].pt")]
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


def remove(folder: Path) -> None:
    """Remove what a run keeps in ``folder``, what one that was killed left beside it, and the folder where it is empty
    then."""
    for path in [*files_of(folder), *folder.glob(".*.lehr-*"), *folder.glob("weights/.*.lehr-*")]:
        path.unlink()
    weights = folder / "weights"
    if weights.is_dir() and not any(weights.iterdir()):
        weights.rmdir()
    if folder.is_dir() and {path.name for path in folder.iterdir()} <= {MANIFEST}:
        (folder / MANIFEST).unlink(missing_ok=True)
        folder.rmdir()


def save_weights(folder: Path, number: int, weights: dict[str, Any]) -> None:
    """Keep what a stage begins with."""
    write_file(folder / "weights" / f"{number:02d}.pt", _bytes({name: w.detach() for name, w in weights.items()}))


def load_weights(folder: Path, number: int) -> dict[str, Any]:
    """What a stage began with."""
    return _read(folder / "weights" / f"{number:02d}.pt")


def _bytes(body: Any) -> bytes:
    import torch

    buffer = BytesIO()
    torch.save(body, buffer)
    return buffer.getvalue()


def _read(path: Path) -> dict[str, Any]:
    import pickle

    import torch

    try:
        body = torch.load(path, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, KeyError, OSError) as error:
        raise LehrError(f"{path}: cannot be read as a checkpoint; write another name=, or overwrite=true") from error
    if not isinstance(body, dict):
        raise LehrError(f"{path}: is no checkpoint; write another name=, or overwrite=true")
    return body

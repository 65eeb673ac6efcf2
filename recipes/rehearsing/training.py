"""The training itself: stage after stage, update after update, from wherever a run was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.files import write_file
from lehr.recipes.rehearsing import checkpoints, networks
from lehr.recipes.rehearsing.corpus import Corpus
from lehr.recipes.rehearsing.objectives import Trainer
from lehr.recipes.rehearsing.parts import Weights
from lehr.recipes.rehearsing.result import COLUMNS, Log, Row
from lehr.recipes.rehearsing.tasks import Tasks
from lehr.simulators.architecture import Architecture
from lehr.simulators.objectives import Preference
from lehr.simulators.schedules import WeightDecay
from lehr.simulators.schedules.torch_scheduler import as_lr_scheduler
from lehr.simulators.training import Optimizer, Recipe, Stage

if TYPE_CHECKING:
    from torch.optim import Optimizer as TorchOptimizer

APART = 3
"""The fewest updates between two measurements on what was held out [steps]."""


class Setup(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What is trained, on what, how; ``fingerprint`` tells it from everything else. A stage is measured
    ``measurements`` times beside its start, each time on ``held_out_bytes`` of what was held out."""

    shape: Architecture
    recipe: Recipe
    corpus: Corpus
    tasks: Tasks | None
    text_length: int
    seed: int
    device: str
    save_every: int
    held_out_bytes: int = 8192
    measurements: int = 30
    fingerprint: str


def log_name(number: int, name: str) -> str:
    """A stage's log.

    >>> log_name(1, "pt")
    '01_pt.csv'
    """
    return f"{number:02d}_{name}.csv"


def sequences_of(stage: Stage) -> list[int]:
    """Texts of each update, by the batch's own ramp; (n_steps,)."""
    assert stage.batch is not None
    assert stage.sequence_length is not None
    clock, n = stage.batch.clock(stage.sequence_length), stage.n_steps or 0
    ends = np.round(np.asarray(clock.tokens_at(np.arange(n + 1.0))) / stage.sequence_length)
    return [max(1, int(size)) for size in np.diff(ends)]


def optimizers_of(optimizer: Optimizer, weights: Weights) -> list[TorchOptimizer]:
    """torch's own optimisers for the stage's: matrices decay, gains and biases do not."""
    import torch

    decay = optimizer.weight_decay or 0.0
    if isinstance(decay, WeightDecay):
        # set anew before each update
        decay = decay.start
    betas = (0.9 if optimizer.beta1 is None else optimizer.beta1, 0.999 if optimizer.beta2 is None else optimizer.beta2)
    epsilon = 1e-8 if optimizer.epsilon is None else optimizer.epsilon
    inner = optimizer.kind in ("muon", "muonclip")
    hidden = {n for n, w in weights.items() if inner and n.startswith("layers.") and w.dim() == 2 and min(w.shape) > 1}
    rest = [(n, w) for n, w in weights.items() if n not in hidden]
    groups = [
        {"params": [w for _, w in rest if w.dim() >= 2], "weight_decay": decay, "decays": True},
        {"params": [w for _, w in rest if w.dim() < 2], "weight_decay": 0.0, "decays": False},
    ]
    groups = [group for group in groups if group["params"]]
    found: list[TorchOptimizer] = []
    if hidden:
        momentum = 0.95 if optimizer.momentum is None else optimizer.momentum
        matrices = [{"params": [weights[n] for n in sorted(hidden)], "decays": True}]
        found.append(torch.optim.Muon(matrices, weight_decay=decay, momentum=momentum, adjust_lr_fn="match_rms_adamw"))
    if optimizer.kind == "sgd":
        found.append(torch.optim.SGD(groups, lr=1.0, momentum=optimizer.momentum or 0.0))
    elif optimizer.kind == "adam":
        found.append(torch.optim.Adam(groups, betas=betas, eps=epsilon))
    else:
        found.append(torch.optim.AdamW(groups, betas=betas, eps=epsilon))
    return found


def train(setup: Setup, folder: Path, seen: Callable[[str, Row], None]) -> list[Log]:
    """Train every stage, from the checkpoint in ``folder`` where there is one; ``seen`` is called after each update.

    Logs and checkpoints are the same bytes whether a run was stopped on the way or not. Raises ``LehrError`` where the
    checkpoint is of another rehearsal, and where the loss is no number.
    """
    import torch

    torch.use_deterministic_algorithms(True)
    with torch.device(setup.device):
        state = checkpoints.load(folder, setup.fingerprint)
        if state is None:
            weights = networks.first_weights(setup.shape, setup.seed)
            state = checkpoints.State(stage=0, step=0, weights=weights, optimizers=[], rows=[])
        for number in range(state.stage, len(setup.recipe.order)):
            for row in _StageRun(setup, folder, number, state).run():
                seen(setup.recipe.order[number], row)
        return [
            Log(name=name, rows=[Row(*row) for row in rows])
            for (name, _), rows in zip(setup.recipe.ordered(), state.rows, strict=True)
        ]


class _StageRun:
    """One stage's updates, from where ``state`` is, which moves along."""

    def __init__(self, setup: Setup, folder: Path, number: int, state: checkpoints.State) -> None:
        self.setup, self.folder, self.number, self.state = setup, folder, number, state
        self.name, self.stage = setup.recipe.ordered()[number]
        self.weights = {n: w.requires_grad_() for n, w in state.weights.items()}
        self.trainer = Trainer(
            setup.shape, self.stage, number, setup.corpus, setup.tasks, setup.text_length, setup.seed,
            setup.held_out_bytes,
        )  # fmt: skip
        if not state.step:
            checkpoints.save_weights(folder, number, self.weights)
        if isinstance(self.stage.objective, Preference):
            self.trainer.reference = checkpoints.load_weights(folder, number)
        curve = self.stage.curve()
        assert curve is not None
        self.sizes, self.n_steps = sequences_of(self.stage), curve.n_steps
        self.optimizer = self.stage.optimizer or Optimizer(kind="adamw")
        self.optimizers = optimizers_of(self.optimizer, self.weights)
        self.schedulers = [as_lr_scheduler(curve, one) for one in self.optimizers]
        for one, saved in zip(self.optimizers, state.optimizers, strict=False):
            one.load_state_dict(saved)
        for scheduler in self.schedulers:
            scheduler.load_state_dict({"last_epoch": state.step, "_step_count": state.step + 1})
        self.decays = None
        decay = self.optimizer.weight_decay
        if isinstance(decay, WeightDecay) and self.stage.batch is not None:
            self.decays = decay.values(self.n_steps, self.stage.batch.clock(self.trainer.length))
        if len(state.rows) <= number:
            state.rows.append([])
        self.rows = state.rows[number]

    def run(self) -> Iterator[Row]:
        """The rows that are still to come; log and checkpoints are written on the way."""
        path = self.folder / log_name(self.number + 1, self.name)
        # what a stopped run logged after its last checkpoint is trained, and logged, once more
        write_file(path, log_bytes(self.rows))
        every = max(APART, round(self.n_steps / self.setup.measurements))
        measured = set(range(self.n_steps, 0, -every))
        with path.open("a", encoding="utf-8") as log:
            for step in range(self.state.step, self.n_steps):
                before = self.trainer.measure(self.weights) if step == 0 else None
                rate, loss = self.update(step)
                after = self.trainer.measure(self.weights) if step + 1 in measured else None
                row = Row(step, self.sizes[step] * self.trainer.length, rate, loss, before, after)
                self.rows.append(msgspec.structs.astuple(row))
                log.write(row.line())
                log.flush()
                self.state.step = step + 1
                if self.state.step % self.setup.save_every == 0 and self.state.step < self.n_steps:
                    self.state.optimizers = [one.state_dict() for one in self.optimizers]
                    checkpoints.save(self.folder, self.setup.fingerprint, self.state)
                yield row
        self.state.stage, self.state.step, self.state.optimizers = self.number + 1, 0, []
        checkpoints.save(self.folder, self.setup.fingerprint, self.state)

    def update(self, step: int) -> tuple[float, float]:
        """One update: the rate that the optimisers had, and the loss before it."""
        import torch

        loss, logged = self.trainer.loss(self.weights, step, self.sizes[step])
        if not np.isfinite(loss.item()):
            raise LehrError(
                f"stage {self.name}: the loss is {loss.item()} at step {step}; write a lower peak=, such as half of it"
            )
        loss.backward()
        if self.optimizer.grad_clip is not None:
            moved = [w for w in self.weights.values() if w.grad is not None]
            torch.nn.utils.clip_grad_norm_(moved, self.optimizer.grad_clip)
        groups = [group for one in self.optimizers for group in one.param_groups]
        if self.decays is not None:
            for group in groups:
                group["weight_decay"] = float(self.decays[step]) if group["decays"] else 0.0
        rates = {float(group["lr"]) for group in groups}
        if len(rates) != 1:
            raise LehrError(f"stage {self.name}: groups of weights have several rates, {sorted(rates)}")
        for one, scheduler in zip(self.optimizers, self.schedulers, strict=True):
            one.step()
            one.zero_grad()
            scheduler.step()
        return rates.pop(), logged


def log_bytes(rows: list[tuple[Any, ...]]) -> bytes:
    """A stage's log as a table."""
    return (",".join(COLUMNS) + "\n" + "".join(Row(*row).line() for row in rows)).encode()

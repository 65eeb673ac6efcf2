"""Logs as other programs write them: transformers' TrainerState and TensorBoard's SummaryWriter."""

from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.reading import LogReading, read_runs

STEPS = list(range(10, 101, 10))


def test_trainer_state_of_transformers(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    callback = pytest.importorskip("transformers.trainer_callback")
    state = callback.TrainerState(global_step=100, max_steps=100)
    for step in STEPS:
        state.log_history.append({"loss": 5 - step / 100, "learning_rate": 1e-3, "epoch": step / 100, "step": step})
        state.log_history.append({"eval_loss": 7.0, "epoch": step / 100, "step": step})
    state.save_to_json(str(tmp_path / "trainer_state.json"))
    (one,) = read_runs([str(tmp_path / "trainer_state.json")], LogReading())
    assert one.run.steps.tolist() == STEPS
    assert one.run.loss.tolist() == [5 - step / 100 for step in STEPS]


def test_events_of_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    writers = pytest.importorskip("torch.utils.tensorboard")
    with writers.SummaryWriter(str(tmp_path / "run")) as writer:
        for step in STEPS:
            writer.add_scalar("train/loss", 5 - step / 100, step)
            writer.add_scalar("train/lr", 1e-3, step)
            writer.add_histogram("weights", np.arange(100.0), step)
    (one,) = read_runs([str(tmp_path / "run")], LogReading())
    assert one.run.steps.tolist() == STEPS
    # events hold single precision: 2^-24 of each value
    assert np.allclose(one.run.loss, [5 - step / 100 for step in STEPS], rtol=2**-24, atol=0)

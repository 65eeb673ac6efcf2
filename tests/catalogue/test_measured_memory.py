"""Measured memory of training (conf/measurement, a source a row), by what was measured."""

from __future__ import annotations

from functools import cache

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.answer import MEMORY_ERROR, OWN_ERRORS
from lehr.recipes.laying_out.held import FITTED, KINDS, Held, fitted, left_out, off, read_held
from lehr.recipes.laying_out.tables import MEASUREMENT

CATALOGUE = Catalogue()


@cache
def rows(kind: str) -> list[Held]:
    tables = (read_held(MEASUREMENT / f"{name}.csv", CATALOGUE) for name in ("memory", "finetuning"))
    return [row for table in tables for row in table if row.kind.split(",")[0] == kind]


# what is asked of the model, and of readings by hand how far it came
LIMITS = [
    ("allocated", 5, 0.015, 0.03),
    ("reserved", 18, 0.05, 0.15),
    ("litgpt", 37, 0.025, 0.09),
    ("nvidia-smi", 20, 0.09, 0.17),
    ("deepspeed", 60, 0.04, 0.10),
    ("deepspeed bf16", 17, 0.04, 0.10),
    ("transformers", 114, 0.03, 0.13),
]


TOLD = {**OWN_ERRORS, "reserved": OWN_ERRORS["torchtitan"], "nvidia-smi": MEMORY_ERROR}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count", "median", "quantile"), LIMITS)
def test_memory_of_configurations_left_out(kind: str, count: int, median: float, quantile: float) -> None:
    """All rows were in view when the terms were chosen; the constants are those of the other configurations."""
    errors = np.abs(left_out(rows(kind), FITTED[kind]))
    assert len(errors) == count
    assert float(np.quantile(errors, 0.9)) <= TOLD.get(kind, 1.0), "what a layout says of its own error"
    assert (float(np.median(errors)) <= median, float(np.quantile(errors, 0.9)) <= quantile) == (True, True), errors


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(FITTED))
def test_the_tables_give_the_constants(kind: str) -> None:
    """To a tenth: a constant is written with two or three digits, and stays near itself where rows tell little."""
    for name, value in fitted(rows(kind), FITTED[kind]).items():
        assert value == pytest.approx(getattr(KINDS[kind], name), rel=0.1), name


@pytest.mark.parametrize(("kind", "count", "median", "quantile"), LIMITS)
def test_memory(kind: str, count: int, median: float, quantile: float) -> None:
    errors = np.abs(off(rows(kind)))
    assert (float(np.median(errors)) <= median, float(np.quantile(errors, 0.9)) <= quantile) == (True, True), errors


def test_a_step_sets_the_peak_of_full_fine_tuning() -> None:
    """Qwen 7B reads 73.4, 73.6 and 74.3 GiB at 512, 1,024 and 2,048 tokens: ten bytes a parameter while it is updated,
    when activations are gone, and not a sum of the two."""
    full = [row for row in rows("transformers") if row.trains == "full" and row.model == "Qwen 7B"]
    mine = [row for row in full if row.source == "modelscope_2024_swift_benchmark"][:3]
    assert [row.sequence_length for row in mine] == [512, 1024, 2048]
    assert np.abs(off(mine)).max() < 0.02
    assert mine[2].told() - mine[0].told() < 1.0


@pytest.mark.slow
def test_memory_of_one_gpu_is_told() -> None:
    """Everything of one GPU, each configuration left out: what is asked of the model. All rows were in view."""
    errors = np.abs(np.concatenate([left_out(rows(kind), FITTED[kind]) for kind in ("litgpt", "transformers")]))
    assert float(np.median(errors)) <= 0.05
    assert float(np.quantile(errors, 0.9)) <= 0.12


def test_adapters_that_were_never_in_view() -> None:
    """PEFT's own comparison, of another network, two years younger: read after the constants were fitted."""
    kept = read_held(MEASUREMENT / "finetuning_kept.csv", CATALOGUE)
    errors = np.abs(off(kept))
    assert errors[:4].max() < 0.05, "adapters"
    assert errors[4] < 0.15, "all weights"


def test_four_bits_kept_what_they_read_in_every_layer() -> None:
    """Until bitsandbytes 0.43.2: of Qwen 72B 15.0 GiB at 2,048 tokens, its 80 layers' 3 x 8,192 + 24,576 features in 16
    bits (15.1 GiB more were read than with GPTQ's four bits)."""
    four = {
        row.terms.bits: row
        for row in rows("transformers")
        if row.model == "Qwen 72B" and row.source == "modelscope_2023_swift_benchmark"
    }
    nf4, gptq = four[4.127], four[4.25]
    assert nf4.gib - gptq.gib == pytest.approx(15.1, abs=0.05)
    kept = 2.0 * 80 * (3 * 8192 + 24576) * 2048 / 2**30
    without = msgspec.structs.replace(nf4, terms=msgspec.structs.replace(nf4.terms, reads=False))
    assert nf4.told() - without.told() == pytest.approx(kept, rel=0.01)


def test_every_row_has_its_source() -> None:
    every = [row for kind in FITTED for row in rows(kind)]
    assert {row.source for row in every} <= set(CATALOGUE.sources)
    assert all(row.place for row in every)

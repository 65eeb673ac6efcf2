"""Every figure that is claimed of layouts, memory and step time, by one command.

    python -m benchmarks.layouts [whole]

Quick: errors of speed as the calibration's file has them, memory with each configuration left out, layouts that vTrain
measured (by constants of the others), published layouts and their hours, all legal layouts of DeepSeek-V3, counts,
sources that a seed keeps apart, and one measured step of each machine. ``whole`` fits again with each source left out
and in eight folds, and with each paper left out.

What was in view: the first form of the terms and their spreads were chosen with all 349 rows of step_time.csv and all
rows of memory and fine-tuning in view. What changed since (the narrow prior of tensor-parallel messages, 8 bits beside
experts of 4) was chosen without vTrain's rows and without the three sources that the seed keeps apart, whose errors
were printed once, at the end. The rows of step_time_kept.csv, vTrain's two larger networks, were never in view and are
fitted by nothing.
"""

from __future__ import annotations

import resource
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.laying_out.answer import answer
from lehr.recipes.laying_out.calibrating import calibrate, errors_text, load, measured
from lehr.recipes.laying_out.evaluating import evaluate
from lehr.recipes.laying_out.held import FITTED, KINDS, fitted, left_out, off, read_held
from lehr.recipes.laying_out.question import main_stage, question
from lehr.recipes.laying_out.tables import MEASUREMENT, Row, read_rows
from lehr.simulators.adapters import LoRA, adapter_parameters
from lehr.simulators.decoding import decoding_state
from lehr.simulators.machine.calibration import (
    Fit,
    Measured,
    Predicted,
    fit_constants,
    predict,
    predicted_logs,
    spreads,
)
from lehr.simulators.machine.search import legal_layouts
from lehr.simulators.training import Stage

CATALOGUE = Catalogue()
KEPT_APART, SEED = 3, 20261127
"""How many of the sources that are not vTrain's a seed keeps apart."""
PUBLISHED = {"deepseek_v3": None, "deepseek_v2": 2048, "kimi_k2": 2048, "llama_3_1_405b": None, "starcoder": None}
"""Recipes with a layout, and how many devices they are laid out on where that was not printed."""


def told_off(told: np.ndarray, logs: np.ndarray) -> str:
    """Median, mean and 90 % quantile of relative errors."""
    errors = np.abs(np.expm1(told - logs))
    return f"{100 * np.median(errors):5.1f} {100 * errors.mean():5.1f} {100 * np.quantile(errors, 0.9):5.1f} %"


TOGETHER = {"by nvidia-smi": ("nvidia-smi", "deepspeed", "deepspeed bf16"), "of one GPU": ("litgpt", "transformers")}
"""Kinds of reading of which one figure is asked."""


def memory() -> Iterator[str]:
    """Median and 90 % quantile of each kind of reading, configurations left out."""
    rows = [row for name in ("memory", "finetuning") for row in read_held(MEASUREMENT / f"{name}.csv", CATALOGUE)]
    errors: dict[str, np.ndarray] = {}

    def line(name: str, of: np.ndarray) -> str:
        return f"{name:14} {len(of):3} rows {100 * np.median(of):5.1f} {100 * np.quantile(of, 0.9):5.1f} %"

    for kind, constants in FITTED.items():
        errors[kind] = np.abs(left_out([row for row in rows if row.kind.split(",")[0] == kind], constants))
        yield line(kind, errors[kind])
    for name, kinds in TOGETHER.items():
        yield line(name, np.concatenate([errors[kind] for kind in kinds])) + f", all of {', '.join(kinds)}"
    for source in sorted({row.source for row in rows if row.kind == "transformers"}):
        mine = [row for row in rows if row.source == source]
        rest = fitted(
            [row for row in rows if row.kind == "transformers" and row.source != source], FITTED["transformers"]
        )
        yield (
            line(
                "source unseen",
                np.abs([row.told(msgspec.structs.replace(KINDS[row.kind], **rest)) / row.gib - 1 for row in mine]),
            )
            + f", {source}"
        )
    yield line("never in view", np.abs(off(read_held(MEASUREMENT / "finetuning_kept.csv", CATALOGUE))))


def vtrain(rows: list[Row], data: Measured, start: np.ndarray) -> Iterator[str]:
    """What vTrain measured, and what the search picks of it, by constants of all other sources."""
    inside = np.array(["vtrain" in row.source for row in rows])
    fit = fit_constants(data.take(np.flatnonzero(~inside)), start)
    kept, _ = read_rows(MEASUREMENT / "step_time_kept.csv", CATALOGUE)
    tables = {
        "of the table": [row for row, mine in zip(rows, inside, strict=True) if mine],
        "never in view": kept,
    }
    for name, mine in tables.items():
        held = measured(mine, CATALOGUE.accelerators)
        yield f"tokens/s, {name}: {len(mine):3} rows {told_off(predict(held, fit).logs, held.logs)}"
    for name, mine in tables.items():
        held, models = measured(mine, CATALOGUE.accelerators), np.array([row.model for row in mine])
        for model in sorted(set(models)):
            own = held.take(np.flatnonzero(models == model))
            picked = int(np.argmax(predicted_logs(own, fit.logs)))
            lost = 1 - np.exp(own.logs[picked] - own.logs.max())
            yield (
                f"{model} ({name}): of {len(own.logs)} measured layouts the one it picks is {100 * lost:.1f} % below "
                "the best"
            )


def one_measured(data: Measured, start: np.ndarray, sources: list[str]) -> Iterator[str]:
    """One row of a network on a machine given, the others of its source that ran there. Constants are fitted without
    the source; what other sources say of the network is known, as it is where one asks."""
    errors: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for source in sources:
        mine = np.flatnonzero(data.source == source)
        if len(mine) < 2:
            continue
        others = data.take(np.flatnonzero(data.source != source))
        held = data.take(mine)
        told = predict(held, fit_constants(others, start), others)
        common = np.maximum(told.spread**2 - spreads(held.mixture, "row") ** 2, 0.0)
        shift = (held.logs - told.logs) * common / told.spread**2
        for i, j in np.argwhere((held.network[:, None] == held.network) & (held.device[:, None] == held.device)):
            if i != j:
                off_ = [abs(np.expm1(told.logs[j] + by - held.logs[j])) for by in (0.0, shift[i])]
                errors["mixture" if held.mixture[j] else "dense", source].append((off_[0], off_[1]))
    for kind in ("dense", "mixture"):
        means = np.array([np.mean(pairs, axis=0) for (k, _), pairs in errors.items() if k == kind])
        n = sum(len(pairs) for (k, _), pairs in errors.items() if k == kind)
        before, after = 100 * means.mean(axis=0)
        yield f"{kind}: mean {after:.1f} %, each of {len(means)} sources once ({before:.1f} % without; {n} pairs)"


def stage_of(name: str) -> tuple[str, Stage]:
    """The longest stage of pre-training of a recipe, which has one."""
    called, stage = main_stage(CATALOGUE.recipe(name))
    assert called is not None
    assert stage is not None
    return called, stage


def published() -> Iterator[str]:
    """How far published layouts are from the best, and why."""
    for name, devices in PUBLISHED.items():
        stage = stage_of(name)
        assert stage[1].hardware is not None
        device = CATALOGUE.accelerators[stage[1].hardware.accelerator]
        found = answer(
            question(CATALOGUE, CATALOGUE.model(name), device, stage=stage, devices=devices, layout="published")
        )
        assert found.given is not None
        assert found.behind is not None
        held = found.given.memory_bytes / found.capacity
        yield f"{name:15} {100 * found.behind:+5.1f} % behind the best, {100 * held:3.0f} % of the memory; {found.why}"
        if stage[1].hardware.own_hours and stage[1].n_tokens:
            hours = [stage[1].n_tokens / found.given.tokens_per_second / 3600 * f for f in
                     (1, found.given.low / found.given.seconds, found.given.high / found.given.seconds)]  # fmt: skip
            own = stage[1].hardware.own_hours
            yield f"{'':15} {hours[0]:.3g} h ({hours[1]:.3g} to {hours[2]:.3g}), {own:.3g} published"


def every_layout() -> Iterator[str]:
    """User time of all legal layouts of DeepSeek-V3 on 2,048 devices with everything left free."""
    stage = stage_of("deepseek_v3")
    asked = question(
        CATALOGUE, CATALOGUE.model("deepseek_v3"), CATALOGUE.accelerators["h800"], stage=stage, sequence_length=32768
    )
    logs = load().fit().logs
    begin = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    free = msgspec.structs.replace(asked.choice, zeros=(0, 1, 2, 3), recomputes=(0, 1, 2, 3, 4), schedules=(0, 1, 2))
    layouts = legal_layouts(asked.work, free)
    evaluate(asked, layouts, logs)
    spent = resource.getrusage(resource.RUSAGE_SELF).ru_utime - begin
    yield f"{len(layouts):,} layouts (ZeRO, context groups and recomputation free) in {spent:.2f} s of user time"


PUBLIC = (
    ("llama_3_1_8b", 16, ("all",), 41_943_040), ("llama_2_7b", 8, ("q_proj", "v_proj"), 4_194_304),
    ("llama_2_13b", 8, ("q_proj", "v_proj"), 6_553_600), ("qwen3_5_35b_a3b", 8, ("experts",), 629_145_600),
)  # fmt: skip
"""Trainable parameters of adapters as trainers printed them: LLaMA-Factory, LitGPT (twice), ms-swift."""
STATES = (("mamba_1_4b", 8192, 3_735_552), ("gpt_oss_20b", 8192, 102_236_160), ("gpt_oss_20b", 131072, 1_612_185_600))
"""Values that decoding remembers of one sequence, by hand."""


def counts() -> Iterator[str]:
    """Adapters and decoding state beside public figures."""
    for name, rank, targets, public in PUBLIC:
        n = adapter_parameters(CATALOGUE.model(name).shape(), LoRA(rank=rank, targets=targets))
        yield f"adapters of {name}, rank {rank}, {', '.join(targets)}: {n:,}, {public:,} printed"
    for name, tokens, by_hand in STATES:
        state = decoding_state(CATALOGUE.model(name).shape(), tokens).total
        yield f"state of {name} at {tokens:,} tokens: {state:,} values, {by_hand:,} by hand"


def kept_apart(data: Measured, start: np.ndarray, groups: Sequence[Sequence[str]]) -> Iterator[str]:
    """Groups of sources by constants of the others alone."""
    for apart in groups:
        mine = np.array([any(name in (source, source.split()[0]) for name in apart) for source in data.source])
        fit: Fit = fit_constants(data.take(np.flatnonzero(~mine)), start)
        held = data.take(np.flatnonzero(mine))
        told: Predicted = predict(held, fit, data.take(np.flatnonzero(~mine)))
        yield f"apart: {'; '.join(apart)}"
        for kind, mask in (("dense", ~held.mixture), ("mixture", held.mixture)):
            if mask.any():
                yield f"  {kind:12} {mask.sum():3} rows {told_off(told.logs[mask], held.logs[mask])}"


def sources_apart(data: Measured) -> list[str]:
    """The sources that ``SEED`` keeps apart."""
    names = sorted({source for source in data.source.tolist() if "vtrain" not in source})
    order = np.random.default_rng(SEED).permutation(len(names))
    return [names[i] for i in order[:KEPT_APART]]


def main() -> None:
    """Print a section for each question."""
    whole = "whole" in sys.argv[1:]
    rows, _ = read_rows(MEASUREMENT / "step_time.csv", CATALOGUE)
    data, stored = measured(rows, CATALOGUE.accelerators), load()
    start = stored.fit().logs
    papers = sorted({source.split()[0] for source in data.source})
    sources = sorted(set(data.source.tolist()))
    sections: list[tuple[str, Callable[[], Iterator[str]]]] = [
        ("tokens/s as the calibration's file has it", lambda: iter(errors_text(stored).splitlines())),
        ("memory, configurations left out: median, 90 % quantile", memory),
        ("vTrain, unseen: median, mean, 90 % quantile", lambda: vtrain(rows, data, start)),
        ("published layouts", published),
        ("every layout of DeepSeek-V3", every_layout),
        ("counts", counts),
        (
            "sources kept apart by a seed: median, mean, 90 % quantile",
            lambda: kept_apart(data, start, [sources_apart(data)]),
        ),
        ("one measured step given", lambda: one_measured(data, start, sources)),
    ]
    if whole:
        sections += [
            (
                "each paper kept apart: median, mean, 90 % quantile",
                lambda: kept_apart(data, start, [[p] for p in papers]),
            ),
            ("tokens/s, fitted again", lambda: iter(errors_text(calibrate(rows, CATALOGUE.accelerators)).splitlines())),
        ]
    for heading, lines in sections:
        print(f"\n{heading}")
        for line in lines():
            print(f"  {line}", flush=True)


if __name__ == "__main__":
    main()

"""How well the form that ``law=best`` names, and its band, hold on runs larger than those that were fitted.

    python -m benchmarks.extrapolation [shuffles]

Public tables, looked for where the tests look. For each: the mean error of the chosen form on the larger runs over that
of the best of four forms, and the share of these runs that the 95 % band of single runs holds. With a number of
``shuffles`` the same again with the rows in other orders, which must choose the same. The rule was chosen with the
tables marked A in view, the width of the band with A and then B, and C was tried once at the end.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from lehr.simulators.laws.fitting import Runs, compare_forms, make_runs, misfit_of, resample
from lehr.simulators.laws.fitting.comparison import FormScore
from lehr.simulators.laws.fitting.shared import shared_errors
from lehr.simulators.laws.surfaces import Surface
from tests.data import DATA

TOKENS_A_STEP = 524_288
"""Of Clark et al.'s runs: 130B tokens in 248,000 steps (arXiv:2202.01169, section 3)."""
FIRST_STEP = 20_000
PAIRS = (
    ("gadre_redpajama", "A"), ("olmo_ladder_c4", "A"), ("porian_tuned", "A"), ("marin_comma", "A"),
    ("gadre_c4", "B"), ("olmo_ladder_stack", "B"), ("data_constrained", "B"),
)  # fmt: skip
CLARK = (
    ("Dense", "1", "AB"), ("S-Base", "8", "BA"), ("S-Base", "64", "BB"), ("RL-R", "32", "BB"),
    ("S-Base", "2", "CC"), ("S-Base", "256", "CC"), ("Hash", "8", "CC"), ("Hash", "128", "CC"), ("RL-R", "4", "CC"),
)  # fmt: skip
"""Router, experts, and in which part the split by size and that by tokens stand."""


def table(path: Path) -> Runs:
    """A table with the headings params, tokens and loss."""
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return make_runs(*([float(r[h]) for r in rows] for h in ("params", "tokens", "loss")))


def split(runs: np.ndarray, larger: np.ndarray) -> tuple[Runs, Runs]:
    """(N, D, loss) a row, and which rows are to be predicted."""
    return make_runs(*runs[~larger].T), make_runs(*runs[larger].T)


def tables() -> dict[tuple[str, str], tuple[Runs, Runs]]:
    """Every table that is at hand, with the part that it stands in."""
    found = {}
    folder = DATA / "extrapolation"
    for name, part in PAIRS:
        if (folder / f"{name}_train.csv").exists():
            found[name, part] = (table(folder / f"{name}_train.csv"), table(folder / f"{name}_test.csv"))
    points = DATA / "epoch_chinchilla" / "svg_extracted_data.csv"
    if points.exists():
        with points.open() as file:
            rows = list(csv.DictReader(file))
        n, c, loss = (np.array([float(r[key]) for r in rows]) for key in ("Model Size", "Training FLOP", "loss"))
        kept = loss < np.sort(loss)[-5]
        runs = np.stack([n, c / 6 / n, loss], axis=1)[kept]
        for by, values, part in (("size", runs[:, 0], "A"), ("tokens", runs[:, 1], "B"), ("work", c[kept], "B")):
            found[f"epoch by {by}", part] = split(runs, values > np.quantile(values, 0.85))
    curves = DATA / "clark_routed" / "curves.csv.gz"
    if curves.exists():
        of: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
        with gzip.open(curves, "rt") as file:
            for r in csv.DictReader(file):
                common = (r["routing_frequency"], r["k"], r["seed"]) == ("0.5", "1", "42")
                if r["loss_validation"] and int(r["step"]) >= FIRST_STEP and common:
                    row = (float(r["dense_parameter_count"]), float(r["step"]) * TOKENS_A_STEP,
                           float(r["loss_validation"]))  # fmt: skip
                    of[r["router_type"], r["num_experts"]].append(row)
        for router, experts, parts in CLARK:
            runs = np.array(of[router, experts])
            for by, larger, part in (
                ("size", runs[:, 0] == runs[:, 0].max(), parts[0]),
                ("tokens", runs[:, 1] >= np.quantile(runs[:, 1], 0.7), parts[1]),
            ):
                if len(np.unique(runs[~larger, 0])) >= 4:
                    found[f"clark {router} {experts} by {by}", part] = split(runs, larger)
    return found


BEYOND = (1.0, 10.0, 100.0)
"""Times the work of the largest run at which forms are set beside the chosen one's band."""
ALIKE = (1.25, 2.0)
"""Errors on the hold-outs over the chosen form's, up to which another form may be meant."""


def others_inside(scores: list[FormScore], law: Surface, larger: Runs) -> list[tuple[float, bool]]:
    """Of every other form at every distance: its error over the chosen one's, and whether the band holds its loss."""
    largest = int(np.argmax(larger.parameters * larger.tokens))
    n, d = (values[largest] * np.sqrt(BEYOND) for values in (larger.parameters, larger.tokens))
    low, high = law.intervals(n, d)
    found = []
    for score in scores[1:]:
        loss = score.fit.law.loss(n, d)
        found += [(score.mean / scores[0].mean, bool(inside)) for inside in (loss >= low) & (loss <= high)]
    return found


def main() -> None:
    """Print a line a table and the means of each part."""
    beside: list[tuple[float, bool]] = []
    shuffles = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    ratios, hits = defaultdict(list), defaultdict(list)
    for (name, part), (fitted, larger) in tables().items():
        found = compare_forms(fitted)
        errors = {
            s.form: float(np.mean(np.abs(s.fit.law.loss(larger.parameters, larger.tokens) / larger.loss - 1)))
            for s in found.scores
        }
        score = found.scores[0]
        law = resample(score.fit, 200, shared=shared_errors(score.fit)).law
        law = type(law)(**{f: getattr(law, f) for f in law.__struct_fields__} | {
            "misfit": misfit_of(score.fit, score.held_out)})  # fmt: skip
        beside += others_inside(found.scores, law, larger)
        low, high = law.intervals(larger.parameters, larger.tokens, run=True)
        inside = (larger.loss >= low) & (larger.loss <= high)
        ratio = errors[found.use] / min(errors.values())
        ratios[part].append(ratio)
        hits[part].append(inside)
        others = set()
        for seed in range(shuffles):
            order = np.random.default_rng(seed).permutation(len(fitted))
            others.add(compare_forms(fitted.take(order)).use)
        same = "" if not shuffles else ", the same in every order" if others == {found.use} else f", also {others}"
        print(f"{part} {name:28s} {found.use:12s} error {errors[found.use]:.2%}, {ratio:.2f} of the best form's; "
              f"band holds {inside.mean():.0%} of {len(larger)}{same}", flush=True)  # fmt: skip
    for part in sorted(ratios):
        share = np.concatenate(hits[part])
        print(f"{part}: {np.exp(np.mean(np.log(ratios[part]))):.2f} (worst {max(ratios[part]):.2f}); the band holds "
              f"{share.mean():.1%} of {len(share)} runs, least {min(h.mean() for h in hits[part]):.0%}")  # fmt: skip
    for at, most in zip((0.0, *ALIKE), ALIKE, strict=False):
        held = [inside for ratio, inside in beside if at < ratio <= most]
        print(f"other forms up to {most:g} times its error: the band holds {sum(held)} of {len(held)}")
    everything = [r for rs in ratios.values() for r in rs]
    share = np.concatenate([h for hs in hits.values() for h in hs])
    print(f"all: {np.exp(np.mean(np.log(everything))):.2f} (worst {max(everything):.2f}); band {share.mean():.1%}")


if __name__ == "__main__":
    main()

"""The stages of a plan: rate, batch, schedule and optimiser of each, by law or by what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import lcm
from statistics import median
from typing import Any

import msgspec
import numpy as np

from lehr.recipes.planning.machine import Machine, time_of
from lehr.recipes.planning.result import StageSettings
from lehr.simulators.laws.hyper import HyperLaw, Timescale
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.planning.published import PublishedStage, like_size, of_kind, values
from lehr.simulators.planning.rates import Advice, advise, batch_by_law, published_alone, rate_by_law
from lehr.simulators.planning.reading import Rung, size_at
from lehr.simulators.training import PRETRAINING

SEQUENCES = 8
FINEST = 1 / 16
"""Where the devices are not known a batch is a multiple of so many sequences at least, and of the largest power of two
within this share of it, so that it divides over many numbers of them."""
COARSEST = 1 / 4
"""Where they are known, and too many for each to have a sequence, it is a multiple of their largest divisor within this
share: at most an eighth off, and the data-parallel groups of layouts are legal."""
MOVED = 1.5
"""But it is a multiple of all of them, as trainers without a layout ask, where it moves by no more than this: on 17
published grids a batch within 1.6 times of the best one costs .12 % of the loss (median of 28, at most .42 %; Li et al.
2025, arXiv:2503.04715; tests/published/test_li_step_law.py)."""
FLOOR = 0.1
"""Of the peak, where a cosine ends (Hoffmann et al. 2022, arXiv:2203.15556, section 3, and most recipes since), and
where annealing ends if a stage of long contexts follows (DeepSeek-Coder, arXiv:2401.14196)."""
WARMUP_STEPS = 2000
"""Or a hundredth of the steps where that is less."""
WARMUP_SHARE = 0.03
"""Of a fine-tuning's steps, at most."""
RAMPED_BATCH = 16e6
"""From this batch on [tokens] it grows to its size, as those of DeepSeek-V2 and V3, GLM-4.5 and Llama 3.1 do."""
RAMP = (0.25, 0.03)
"""From a quarter of it over 3 % of the tokens, as DeepSeek-V2 (2,304 to 9,216 sequences over 225B of 8.1T tokens;
arXiv:2405.04434, section 3.1.2)."""
LONG = ("REPO_PT", "REPO_SFT")
SHAPE_POINTS = 2000
GROUP = 8
"""Rollouts of a prompt where no published stage of like size tells."""
PROMPT = 0.25
"""Of a sequence of reinforcement learning, what a prompt may take: an assumption, as no published recipe states both
caps."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings of all stages depend on; ``loss`` is the one that is forecast, which some rules ask for."""

    rung: Rung
    expansion: int
    loss: float
    laws: Sequence[HyperLaw]
    decay_law: Timescale
    published: Sequence[PublishedStage]
    machine: Machine
    sequence_length: int
    long_length: int
    base: str | None = None
    base_tokens: float = 0.0
    base_rates: tuple[float | None, float | None] = (None, None)
    replay: tuple[str, float] | None = None
    held_in_range: bool = False
    """Whether networks and trainings smaller than those of a law are read as its smallest: many small runs that a law
    is to be fitted to must have rates and batches of one rule, which does not jump where its range ends."""

    @property
    def size(self) -> float:
        """All parameters."""
        return float(self.rung.count.total)

    def near(self, kinds: Sequence[str], setting: Any) -> list[PublishedStage]:
        """Published stages of networks of like size; for a mixture those of mixtures of like active size too."""
        mixture = self.expansion > 1
        of = of_kind([s for s in self.published if s.kind in kinds], setting, self.size, mixture=mixture)
        return like_size(of, kinds, setting, self.size, float(self.rung.count.active["all"]) if mixture else None)


def settings_of(
    question: Question, shares: Mapping[str, float], tokens: Mapping[str, float], flops: Mapping[str, float]
) -> dict[str, StageSettings]:
    """The settings of every stage, in order; time and money are those of its work at the machine's utilisation."""
    kinds = {name: name.upper() for name in shares}
    early = [name for name in shares if kinds[name] in PRETRAINING]
    first = first_rate(question, early, kinds, tokens)
    whole = plain_sum(tokens[name] for name in early)
    batch = first_batch(question, whole)
    decay = weight_decay(question, peak_of_run=first.value, batch=batch.value, tokens=whole)
    last = first.value
    found: dict[str, StageSettings] = {}
    for name in shares:
        if kinds[name] in PRETRAINING:
            common = (first, batch, decay)
            stage = _pretraining(question, name, early, kinds, common, last, tokens[name])
        else:
            stage = _tuning(question, name, kinds[name], tokens[name])
        last = stage["final"]
        time = time_of(question.machine, flops[name])
        found[name] = StageSettings(
            name=name, kind=kinds[name], share=shares[name], tokens=tokens[name], flops=flops[name],
            hours=time.hours, days=time.days, usd=time.usd, **stage,
        )  # fmt: skip
    return found


def length_of(question_length: int, long_length: int, kind: str) -> int:
    """The sequence length of a stage [tokens]."""
    return max(long_length, question_length) if kind in LONG else question_length


def inputs_of(question: Question, law: HyperLaw, tokens: float) -> dict[str, float]:
    """What a law of hyper-parameters may ask about the plan, N by its own convention."""
    n = size_at(question.rung, law.n_convention, every_expert=law.every_expert)
    if question.held_in_range:
        n = max(n, law.range.parameters[0]) if law.range.parameters else n
        tokens = max(tokens, law.range.tokens[0]) if law.range.tokens else tokens
    return {
        "n": n,
        "d": tokens,
        "flops": question.rung.training * tokens,
        "experts": float(question.expansion),
        "loss": question.loss,
    }


def first_rate(
    question: Question, early: Sequence[str], kinds: Mapping[str, str], tokens: Mapping[str, float]
) -> Advice:
    """The peak of the first pre-training stage: by law from random weights, from a base by what others took."""
    whole = plain_sum(tokens[name] for name in early)
    near = question.near(["PT"], "peak")
    if question.base is not None:
        return _continued_rate(question, near)
    shape = shape_of_run([kinds[name] for name in early], [tokens[name] for name in early])
    inputs = {law.name: inputs_of(question, law, whole) for law in question.laws}
    found = rate_by_law(question.laws, inputs, near, shape)
    if found is None:
        found = published_alone("peak", question.published, ["PT"], question.size)
    assert found is not None, "the catalogue has peak rates of pre-training"
    return found


def _continued_rate(question: Question, near: Sequence[PublishedStage]) -> Advice:
    """Of continued pre-training: the base's peak times the median ratio of published stages to theirs."""
    own = question.base_rates[0]
    peak = own if own is not None else float(median(values(near, "peak")))
    whose = "the base's" if own is not None else "the median peak of networks of its size, as the base's is not public:"
    rows = [s for s in question.published if s.kind == "CPT" and s.of_peak is not None]
    ratio = float(median([s.of_peak for s in rows if s.of_peak is not None]))
    rule = f"{ratio:.2g} times {whose} {peak:.2g}, the median of {len(rows)} published continuations"
    continued = question.near(["CPT"], "peak")
    return advise("peak", ratio * peak, rule, continued, outside=["a rule of other networks"])


def first_batch(question: Question, tokens: float) -> Advice:
    """The batch of pre-training [tokens]."""
    # mixtures were trained on far more tokens than most plans have, and a batch is one for its tokens
    near = question.near(["PT"] if question.expansion > 1 else ["PT", "CPT"], "batch_tokens")
    inputs = {law.name: inputs_of(question, law, tokens) for law in question.laws}
    found = batch_by_law(question.laws, inputs, near, mixture=question.expansion > 1)
    found = found or published_alone("batch_tokens", question.published, ["PT", "CPT"], question.size)
    assert found is not None, "the catalogue has batches of pre-training"
    return found


def shape_of_run(kinds: Sequence[str], tokens: Sequence[float]) -> np.ndarray:
    """The rate over the whole pre-training with a peak of 1, on ``SHAPE_POINTS`` points: a cosine where there is one
    stage, else constant until the annealing takes it down.

    >>> shape = shape_of_run(["PT", "ANN"], [9e10, 1e10])
    >>> float(shape[1799]), round(float(shape[1900]), 2)
    (1.0, 0.5)
    """
    if len(kinds) == 1:
        return FLOOR + (1 - FLOOR) * (1 + np.cos(np.pi * np.arange(SHAPE_POINTS) / SHAPE_POINTS)) / 2
    edges = np.round(np.cumsum([0.0, *tokens]) / plain_sum(tokens) * SHAPE_POINTS).astype(int)
    rate, parts = 1.0, []
    for i, (kind, steps) in enumerate(zip(kinds, np.diff(edges), strict=True)):
        final = final_ratio(kinds, i, rate)
        down = kind == "ANN" or i == len(kinds) - 1
        parts.append(np.linspace(rate, final, steps, endpoint=False) if down else np.full(steps, rate))
        rate = final if down else rate
    return np.concatenate(parts)


def final_ratio(kinds: Sequence[str], i: int, rate: float) -> float:
    """What share of the peak stage ``i`` ends at, where it begins at ``rate``."""
    last = i == len(kinds) - 1
    if kinds[i] == "ANN":
        return 0.0 if last else FLOOR
    if kinds[i] == "REPO_PT" and "ANN" in kinds[:i]:
        # long contexts go on at the rate that is left, as DeepSeek-Coder's and DeepSeek-V3's
        return rate
    return 0.0 if last else rate


def _pretraining(  # noqa: PLR0917  (each is one fact of the run)
    question: Question, name: str, early: Sequence[str], kinds: Mapping[str, str],
    common: tuple[Advice, Advice, Advice], before: float, tokens: float,
) -> dict[str, Any]:  # fmt: skip
    first, batch, decay = common
    kind, i = kinds[name], early.index(name)
    length = length_of(question.sequence_length, question.long_length, kind)
    sequences = whole_sequences(batch.value / length, question.machine.devices)
    steps = max(1, round(tokens / sequences / length))
    begins = i == 0
    warm = max(1, min(WARMUP_STEPS, steps // 100)) if begins else 0
    peak = float(f"{first.value if begins else before:.3g}")
    kinds_in_order = [kinds[stage] for stage in early]
    ratio = final_ratio(kinds_in_order, i, peak / first.value)
    warmup = {"warmup": {"steps": warm}} if begins and steps > 1 else {}
    if len(early) == 1:
        schedule = {"kind": "cosine", "peak": peak, "floor_ratio": FLOOR, **warmup}
        final, why = peak * FLOOR, "a cosine to a tenth of the peak"
    elif kind == "ANN" or (ratio == 0.0 and i == len(early) - 1):
        final = float(f"{ratio * first.value:.3g}")
        floor = {"floor": final} if final else {}
        schedule = {"kind": "linear", "peak": peak, **floor, **warmup}
        why = "linearly to zero" if not final else f"linearly to {final:.3g}, at which long contexts go on"
    else:
        schedule, final, why = {"kind": "constant", "peak": peak, **warmup}, peak, "constant"
    ramp = None
    if begins and question.base is None and batch.value >= RAMPED_BATCH:
        ramp = {
            "kind": "linear",
            "start": whole_sequences(sequences * RAMP[0], question.machine.devices),
            "tokens": round(tokens * RAMP[1]),
        }
    evidence = {"batch": batch, "weight_decay": decay}
    if begins:
        evidence = {"peak": first, **evidence}
        said = f"peak by {first.rule}" + (", bound by what was published" if first.bound else "")
    else:
        said = "it begins at the rate of the stage before"
    data = None
    if kind == "CPT" and question.replay is not None:
        data = {"new": round(1 - question.replay[1], 6), "replay": round(question.replay[1], 6)}
    return {
        "sequence_length": length, "sequences": sequences, "peak": peak, "final": final, "warmup_steps": warm,
        "objective": {"kind": "next_token"}, "schedule": schedule, "ramp": ramp, "data": data,
        "optimizer": adamw(decay.value), "evidence": evidence,
        "why": {"schedule": f"{said}; {why}", "batch": f"by {batch.rule}, in whole sequences",
                "optimizer": f"weight decay by {decay.rule}; betas, epsilon and clipping are those of Llama 2"},
    }  # fmt: skip


def _tuning(question: Question, name: str, kind: str, tokens: float) -> dict[str, Any]:
    """Fine-tuning and reinforcement learning: no law of their rates is known, so that published ones stand for it."""
    like = ["RL"] if kind == "RL" else ["SFT", "REPO_SFT"]
    rate = published_alone("peak", question.published, like, question.size)
    batch = published_alone("batch_sequences", question.published, like, question.size)
    assert rate is not None, f"the catalogue has peak rates of {kind}"
    assert batch is not None, f"the catalogue has batches of {kind}"
    length = length_of(question.sequence_length, question.long_length, kind)
    group = published_alone("group_size", question.published, like, question.size) if kind == "RL" else None
    size = (round(group.value) if group else GROUP) if kind == "RL" else 1
    sequences = whole_sequences(batch.value, question.machine.devices, size)
    steps = max(1, round(tokens / sequences / length))
    peak = float(f"{rate.value:.3g}")
    objective: dict[str, Any] = {"kind": "supervised"}
    evidence = {"peak": rate, "batch": batch}
    if kind == "RL":
        prompts = sequences // size
        # a context is shared as trainers share it: so much at most for the prompt, the rest for the answer
        asked = max(1, round(length * PROMPT))
        rollout = {"prompts": prompts, "prompt": {"cap": asked}, "response": {"cap": length - asked}}
        objective = {"kind": "policy_gradient", "method": "grpo", "group_size": size, "rollout": rollout}
        evidence |= {"group_size": group} if group else {}
        schedule: dict[str, Any] = {"kind": "constant", "peak": peak}
        warm, final, shape = 0, peak, "constant, as every published stage of it"
    else:
        warm = max(1, round(steps * WARMUP_SHARE)) if steps > 1 else 0
        final = peak * FLOOR
        schedule = {
            "kind": "cosine",
            "peak": peak,
            "floor_ratio": FLOOR,
            **({"warmup": {"steps": warm}} if warm else {}),
        }
        shape = "a cosine to a tenth of the peak"
    return {
        "sequence_length": length, "sequences": sequences, "peak": peak, "final": final, "warmup_steps": warm,
        "objective": objective, "schedule": schedule, "ramp": None, "data": None, "optimizer": adamw(0.1),
        "evidence": evidence,
        "why": {"schedule": f"peak by {rate.rule}; {shape}", "batch": f"by {batch.rule}",
                "optimizer": "betas, weight decay and clipping are those of Llama 2's fine-tuning"},
    }  # fmt: skip


def weight_decay(question: Question, *, peak_of_run: float, batch: float, tokens: float) -> Advice:
    """AdamW's weight decay by its time scale, bounded by published ones outside the law's runs."""
    law = question.decay_law
    n = size_at(question.rung, law.n_convention)
    near = question.near(["PT", "CPT"], "weight_decay")
    found = float(law.weight_decay(batch=batch, rate=peak_of_run, n=n, d=tokens))
    outside = law.warnings(n=n, d=tokens)
    if question.expansion > 1:
        outside.append("the law was fitted on dense networks")
    return advise("weight_decay", found, law.name, near, outside=outside)


def adamw(decay: float) -> dict[str, Any]:
    """AdamW as Llama 2 has it (arXiv:2307.09288, section 2.2), with another weight decay."""
    return {
        "kind": "adamw", "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-5, "weight_decay": float(f"{decay:.2g}"),
        "grad_clip": 1.0,
    }  # fmt: skip


def whole_sequences(wanted: float, devices: int | None = None, group: int = 1) -> int:
    """A number of sequences, in whole groups, that ``devices`` share, or many numbers of them.

    >>> whole_sequences(1001.7), whole_sequences(501), whole_sequences(3), whole_sequences(504, group=12)
    (992, 496, 8, 480)
    >>> whole_sequences(2760, 512), whole_sequences(2760, 384), whole_sequences(80, 64), whole_sequences(504, 64, 12)
    (2560, 2688, 64, 576)
    >>> whole_sequences(500, 4096)
    512
    """
    multiple = SEQUENCES
    if devices is not None:
        all_of_them = _nearest(wanted, lcm(devices, group))
        if all_of_them <= wanted * MOVED:
            return all_of_them
        most = int(min(devices, max(1.0, wanted * COARSEST)))
        multiple = next(n for n in range(most, 0, -1) if devices % n == 0)
    else:
        while 2 * multiple <= wanted * FINEST:
            multiple *= 2
    return _nearest(wanted, lcm(multiple, group))


def _nearest(wanted: float, multiple: int) -> int:
    return max(multiple, round(wanted / multiple) * multiple)

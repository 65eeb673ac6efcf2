"""A step of reinforcement learning as one reads it."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.generating.result import Rolled
from lehr.simulators.quantities import Amount

SAID = {
    "generation": "generation while all places are filled",
    "prompts": "reading prompts",
    "tail": "generation of the longest answers",
    "verifying": "waiting for the verifier",
    "scoring": "probabilities and rewards",
    "updating": "update",
    "moving": "weights and states that move",
    "once": "what happens once a step",
}
"""What each part of a step is called."""

MEANT = {
    "engine": "speed of generation between updates",
    "host": "host work between updates",
    "host_mixture": "host work between updates",
    "eager": "host work of kernels that it starts one by one",
    "generation": "speed of generation",
    "update": "utilisation of the update",
    "update_mixture": "utilisation of the update",
    "shared": "what devices lose that do both",
    "score": "utilisation of scoring",
    "transfer": "speed of the weights' transfer",
    "switch": "speed of the switch",
    "software": "the system that runs it",
    "imbalance": "balance of the engines",
    "once": "what happens once a step",
    "response": "mean length of an answer",
}
"""What each assumption is called."""


def as_text(found: Rolled) -> str:
    """The step, its parts, and the split."""
    step, seconds = found.step, found.step.seconds
    rollout = found.plant.rollout
    how = (
        f"{step.generators} generate, {step.trainers} train"
        if rollout.generators is not None
        else f"all {step.generators} generate and train in turn"
    )
    kept = f"trainer {step.trainer_bytes / 1e9:,.1f} GB of weights, gradients and states"
    if step.host_bytes:
        kept = (
            f"trainer {step.trainer_bytes / 1e9:,.1f} GB of weights and gradients, and {step.host_bytes / 1e9:,.1f} GB "
            "of states in the host's memory"
        )
    engines = f"{step.engines:,} engine{'s' * (step.engines > 1)} of tensor parallel {step.tensor}"
    if step.engine > step.tensor:
        engines += f", experts over {step.engine} devices"
    answers = (rollout.prompts or 0) * found.plant.samples
    lines = [
        f"{found.model} on {found.plant.devices} {found.accelerator}: a step takes {seconds.value:,.0f} s "
        f"({seconds.low:,.0f} to {seconds.high:,.0f}), {how}",
        f"{answers:,} answers of {rollout.response.known:,.0f} tokens on average, the longest {step.longest:,.0f}; "
        f"{step.at_once:,.0f} at once, in {engines}",
        "",
    ]
    for name, said in SAID.items():
        value = getattr(step.parts, name)
        if value >= 0.005 * seconds.value:
            beside = "  (beside the training)" if step.asynchronous and name in BESIDE else ""
            lines.append(f"  {value:10,.1f} s  {said}{beside}")
    lines += [
        "",
        f"memory of a device: engine {step.engine_bytes / 1e9:,.1f} GB with the answers at once, {kept}, "
        "activations beside",
        f"an engine that serves alone writes {found.speed.value:,.0f} tokens/s a device ({found.speed.low:,.0f} to "
        f"{found.speed.high:,.0f})",
        "what moves it most: " + "; ".join(
            f"{MEANT[s.name]} {s.low:,.0f} to {s.high:,.0f} s" for s in seconds.swings[:3]
        ),
    ]  # fmt: skip
    if found.best is not None:
        best = found.best
        lines.append(
            f"best split: {best.generators} generate, {found.plant.devices - best.generators} train: "
            f"{best.seconds:,.0f} s a step"
        )
    if found.saturates is not None:
        lines.append(f"beyond {found.saturates} generators twice as many shorten generation by less than a tenth")
    if found.hours is not None:
        hours = found.hours
        days = hours.scaled(1 / found.plant.devices / 24, "d")
        lines.append(
            f"{found.steps:,.0f} steps: {hours.value:,.0f} accelerator-hours ({hours.low:,.0f} to {hours.high:,.0f}), "
            f"{days.value:.1f} days ({days.low:.1f} to {days.high:.1f})"
        )
        if found.usd_per_hour:
            lines.append(f"at {found.usd_per_hour:g} USD an hour {hours.value * found.usd_per_hour:,.0f} USD")
    lines.append(
        "assumed: utilisations and speeds between updates, which few runs print; the interval holds 90 % by them"
    )
    return "\n".join(lines)


BESIDE = ("generation", "prompts", "tail", "verifying")
"""Parts that run beside the training where the devices are split."""


def as_json(found: Rolled) -> dict[str, Any]:
    """The same as data."""

    def amount(of: Amount | None) -> dict[str, Any] | None:
        return None if of is None else msgspec.to_builtins(of)

    return {
        "model": found.model,
        "accelerator": found.accelerator,
        "devices": found.plant.devices,
        "rollout": msgspec.to_builtins(found.plant.rollout),
        "samples": found.plant.samples,
        "step": msgspec.to_builtins(found.step),
        "engine_tokens_per_second": amount(found.speed),
        "splits": msgspec.to_builtins(found.splits),
        "best": None if found.best is None else msgspec.to_builtins(found.best),
        "saturates": found.saturates,
        "steps": found.steps,
        "hours": amount(found.hours),
    }

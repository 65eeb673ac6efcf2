"""From settings to a step of reinforcement learning."""

from __future__ import annotations

from typing import Any

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import AcceleratorFile
from lehr.recipes.composing.job import Composed
from lehr.recipes.errors import LehrError
from lehr.recipes.generating.result import Rolled
from lehr.recipes.generating.speed import speed_of
from lehr.recipes.generating.tables import rollout_constants
from lehr.simulators.machine.rollout import Plant, rollout_step, splits
from lehr.simulators.quantities import Amount, Positive, Size
from lehr.simulators.rollouts import Rollout, within


def roll(job: Composed) -> Rolled:
    """Project the step that a job asks for. Raises ``LehrError`` for one that cannot be."""
    model = decode(job.config["model"], Model, "model")
    device = decode(job.config["accelerator"], AcceleratorFile, "accelerator")
    devices, samples = job.devices(), job.bounded("samples", Size, "answers to a prompt, such as 16")
    if devices is None:
        raise LehrError("devices: is not given; write how many there are, such as 64")
    architecture = model.shape()
    if architecture.encoder is not None or not architecture.causal:
        raise LehrError(
            f"{model.name}: {'has an encoder' if architecture.encoder else 'sees both sides of a token'}; rollouts are "
            "projected for networks that write token after token, such as qwen2_5_7b"
        )
    try:
        asked = within(asked_rollout(job), architecture.context_length)
    except ValueError as error:
        raise LehrError(
            f"{model.name}: {error}; or the context to which it was extended, model.architecture.context_length=131072"
        ) from error
    best = job.config["generators"] == "best"
    if best and devices < 2:
        raise LehrError("generators: best splits two devices or more; write devices=8")
    constants = rollout_constants()
    plant = Plant(
        architecture=architecture,
        rollout=asked,
        samples=samples,
        device=device,
        devices=devices,
        logs=constants.logs,
        fit=constants.fit,
        precision=job.setting("precision", str),
    )
    steps = job.bounded("steps", Positive | None, "how many steps the stage has, such as 400")
    price = job.usd_per_hour() or (device.price.usd_per_hour if device.price else None)
    try:
        shares = splits(plant)
        if best:
            if not shares:
                raise LehrError(
                    f"generators: no split of {devices} {device.name} holds engines and trainer; write more"
                )
            generators = min(shares, key=lambda share: share.seconds).generators
            plant = msgspec.structs.replace(plant, rollout=msgspec.structs.replace(asked, generators=generators))
        step = rollout_step(plant)
        speed = speed_of(
            plant.architecture,
            device,
            devices=step.engine,
            tensor=step.tensor,
            precision=asked.precision,
            cache="bf16" if asked.precision == "bf16" else "fp8",
            prompt=asked.prompt.known,
            response=asked.response.known,
            concurrency=step.at_once / step.engines,
        )
    except ValueError as error:
        raise LehrError(str(error)) from error
    hours = None
    if steps is not None:
        each = steps * devices / 3600
        s = step.seconds
        hours = Amount(value=s.value * each, low=s.low * each, high=s.high * each, unit="h")
    return Rolled(
        model=model.name,
        accelerator=device.title,
        plant=plant,
        step=step,
        speed=speed,
        splits=shares,
        steps=steps,
        hours=hours,
        usd_per_hour=price,
    )


def asked_rollout(job: Composed) -> Rollout:
    """The rollout of a job's settings."""

    def stated(**of: str) -> dict[str, Any]:
        return {name: value for name, key in of.items() if (value := job.config[key]) is not None}

    generators = job.config["generators"]
    if generators == "best":
        generators = 1
    verifier = stated(seconds="verifier_seconds", cpus="verifier_cpus")
    if verifier and len(verifier) < 2:
        missing = "verifier_cpus" if "cpus" not in verifier else "verifier_seconds"
        raise LehrError(f"{missing}: is not given; a verifier needs seconds of a processor and how many there are")
    data: dict[str, Any] = {
        **stated(
            prompts="prompts", epochs="epochs", updates="updates", reference="reference", critic="critic",
            reward_parameters="reward_parameters", behind="behind", partial="partial", precision="engine_precision",
            tensor="tensor", batch="batch", at_once="at_once", eager="eager", recomputed="recomputed",
        ),
        "prompt": stated(mean="prompt_length"),
        "response": stated(
            mean="response_length", p95="response_p95", cap="response_cap", clipped="response_clipped"
        ),
        **({"verifier": verifier} if verifier else {}),
        **({"generators": generators} if generators is not None else {}),
    }  # fmt: skip
    return decode(data, Rollout, "rollout")

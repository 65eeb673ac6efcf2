"""A rehearsal held against its plan: rates and tokens as they ran, work as torch counts it, memory and speed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import AcceleratorFile
from lehr.recipes.errors import LehrError
from lehr.recipes.rehearsing import networks
from lehr.recipes.rehearsing.objectives import Trainer
from lehr.recipes.rehearsing.parts import Tensor
from lehr.recipes.rehearsing.result import Log, Rates, Speed, Work
from lehr.recipes.rehearsing.small_recipe import Rehearsal
from lehr.recipes.rehearsing.training import Setup, optimizers_of, sequences_of
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import FlopConvention, activation_bytes_per_token, forward_flops_per_token
from lehr.simulators.layers import Kept
from lehr.simulators.objectives import NextToken
from lehr.simulators.training import Optimizer, Stage

BY_TORCH = FlopConvention(
    name="by_torch",
    causal=False,
    vectors=False,
    says="matrix products alone, the router's too, and attention over the whole square, as torch.utils.flop_counter",
)
TIMED = 6
"""Updates that a speed is measured on, the first two not counted."""
CALIBRATED = 6.0
"""For the machine's own speed [s]."""


def rates_of(stages: Sequence[tuple[str, Stage]], logs: Sequence[Log]) -> list[Rates]:
    """Each update's rate and tokens beside the plan's, which is read from the recipe and from nothing that ran."""
    found = []
    for (name, stage), log in zip(stages, logs, strict=True):
        curve = stage.curve()
        assert curve is not None
        assert stage.sequence_length is not None
        planned, sizes = curve.values(), sequences_of(stage)
        apart = [abs(row.lr - float(planned[row.step])) for row in log.rows]
        other = [row.tokens != sizes[row.step] * stage.sequence_length for row in log.rows]
        missing = curve.n_steps - len(log.rows)
        found.append(
            Rates(
                stage=name, updates=len(log.rows), other_rate=sum(a > 0 for a in apart) + missing,
                other_tokens=sum(other) + missing, worst=max(apart, default=0.0),
            )
        )  # fmt: skip
    return found


def whole_square(architecture: Architecture) -> Architecture:
    """The network with windows and chunks taken away: what they hide is computed here and masked."""
    blocks = {}
    for name, block in architecture.blocks.items():
        limits = {key: None for key in ("window", "chunk") if getattr(block.mixer, key, None) is not None}
        mixer = msgspec.structs.replace(block.mixer, **limits) if limits and block.mixer is not None else block.mixer
        blocks[name] = msgspec.structs.replace(block, mixer=mixer)
    return msgspec.structs.replace(architecture, blocks=blocks)


def work_of(setup: Setup, stage_name: str, stage: Stage) -> Work:
    """One text of a stage, forward and backward: as Lehr counts it, and as torch does."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    length = stage.sequence_length or 1
    kept = 0
    weights = {n: w.requires_grad_() for n, w in networks.first_weights(setup.shape, setup.seed).items()}
    own = {w.untyped_storage().data_ptr() for w in weights.values()}
    storages: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            storages[storage.data_ptr()] = storage.nbytes()
        return tensor

    tokens = torch.arange(length)[None] % 256
    with FlopCounterMode(display=False) as counter:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            scores, balance = networks.forward(setup.shape, weights, tokens)
            loss = torch.nn.functional.cross_entropy(scores[0], tokens[0]) + balance
        kept = sum(storages.values())
        loss.backward()
    counted = 3.0 * length * forward_flops_per_token(whole_square(setup.shape), length, BY_TORCH)
    return Work(
        stage=stage_name,
        flops_counted=counted,
        flops_by_torch=float(counter.get_total_flops()),
        kept_counted=length * activation_bytes_per_token(setup.shape, length, Kept(bytes_per_value=4, flash=False)),
        kept_by_torch=float(kept),
    )


def speed_of(setup: Setup, small: Rehearsal, *, machine: bool) -> Speed | None:
    """Tokens a second of the first stage of pre-training; with ``machine`` beside a layout on this machine."""
    found = next(
        ((i, n, s) for i, (n, s) in enumerate(setup.recipe.ordered()) if isinstance(s.objective, NextToken)), None
    )
    if found is None:
        return None
    number, _, stage = found
    weights = {n: w.requires_grad_() for n, w in networks.first_weights(setup.shape, setup.seed).items()}
    trainer = Trainer(
        setup.shape, stage, number, setup.corpus, setup.tasks, setup.text_length, setup.seed, setup.held_out_bytes
    )  # fmt: skip
    optimizers = optimizers_of(stage.optimizer or Optimizer(kind="adamw"), weights)
    n = sequences_of(stage)[-1]
    best = float("inf")
    for step in range(TIMED):
        began = time.perf_counter()
        trainer.loss(weights, step, n)[0].backward()
        for one in optimizers:
            one.step()
            one.zero_grad()
        if step >= 2:
            best = min(best, time.perf_counter() - began)
    measured = n * trainer.length / best
    found_at = Speed(measured=measured)
    if machine:
        found_at = _beside_layout(small, measured, n, trainer.length, setup.device)
    return msgspec.structs.replace(found_at, load=load(), cores=os.cpu_count() or 1)


def load() -> float | None:
    """Programs that ran or waited in the last minute, on average; ``None`` where the system does not count them."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def _beside_layout(small: Rehearsal, measured: float, n: int, length: int, device: str) -> Speed:
    from lehr.recipes.catalogue.yaml import parse_yaml
    from lehr.recipes.laying_out.answer import answer
    from lehr.recipes.laying_out.measuring import accelerator_yaml, measure
    from lehr.recipes.laying_out.question import question

    machine = measure(device, CALIBRATED)
    file = decode(
        parse_yaml(accelerator_yaml("this_machine", machine).encode(), "accelerator"), AcceleratorFile, "accelerator"
    )
    try:
        asked = question(Catalogue(), small.model, file, devices=1, sequence_length=length, global_batch=n,
                         precision="bf16", memory="allocated", held={"micro_batch": n})  # fmt: skip
        best = answer(asked).best
    except LehrError:
        best = None
    if best is None:
        return Speed(measured=measured, machine=machine.title)
    tokens = n * length
    return Speed(measured=measured, expected=best.tokens_per_second, low=tokens / best.high, high=tokens / best.low,
                 machine=machine.title)  # fmt: skip

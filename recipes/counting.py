"""One model, counted: parameters, FLOPs per token, decoding state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.presenting.numbers import whole
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.adapters import LoRA, adapter_parameters
from lehr.simulators.counting import (
    ACTIVE_CONVENTIONS,
    FLOP_CONVENTIONS,
    activation_bytes_per_token,
    count_parameters,
    training_flops_per_token,
)
from lehr.simulators.decoding import STATE_BYTES, WEIGHT_BITS, cache_bytes, decoding_state, stored_values, weight_bytes
from lehr.simulators.layers.base import Kept

DEFAULT_SEQUENCE = 4096


def count(
    model: Model,
    sequence_length: int | None = None,
    *,
    batch: int = 1,
    dtype: str = "bf16",
    lora: LoRA | None = None,
    memory: tuple[str, float] | None = None,
) -> dict[str, Any]:
    """Everything that is counted of a model, as plain data; ``sequence_length`` is by default 4096, or the
    model's context where that is shorter.

    ``batch`` sequences are decoded with a state in ``dtype``; ``lora`` asks for the parameters of adapters, and
    ``memory`` is what a device is called and holds [byte]. Raises ``LehrError`` where the model's architecture is not
    public, the sequence or the batch is below 1, or a type or a matrix is not known.
    """
    architecture = model.shape()
    seq_len = min(DEFAULT_SEQUENCE, architecture.context_length) if sequence_length is None else sequence_length
    if seq_len < 1:
        raise LehrError(f"sequence_length: {seq_len} is below 1; write a number of tokens")
    if batch < 1:
        raise LehrError(f"batch: {batch} is below 1; write a number of sequences")
    if dtype not in STATE_BYTES:
        raise LehrError(f"dtype: {dtype!r} is not known; {nearest(dtype, STATE_BYTES)}")
    parameters = count_parameters(architecture)
    state, cache = decoding_state(architecture, seq_len), cache_bytes(architecture)
    state_bytes = state.total * batch * STATE_BYTES[dtype]
    weights = {bits: weight_bytes(parameters, bits) for bits in WEIGHT_BITS}
    adapters = {}
    if lora is not None:
        try:
            adapters = {"rank": lora.rank, "targets": list(lora.targets)}
            adapters["parameters"] = adapter_parameters(architecture, lora)
        except ValueError as error:
            raise LehrError(f"targets: {error}") from error
    return {
        "model": model.name,
        "hf_id": model.hf_id,
        "parameters": {
            "total": parameters.total,
            "non_embedding": parameters.non_embedding,
            "active": parameters.active,
            "components": parameters.components,
        },
        "buffers": parameters.buffers,
        "extras": parameters.extras,
        "sequence_length": seq_len,
        "flops_per_token": {
            name: training_flops_per_token(architecture, seq_len, convention)
            for name, convention in FLOP_CONVENTIONS.items()
            if architecture.mtp or not convention.mtp
        },
        "kv_cache_bytes_per_token": cache.per_token,
        "full_windows_bytes": cache.windows,
        "recurrent_states_bytes": cache.fixed,
        "activation_bytes_per_token": None
        if architecture.encoder
        else activation_bytes_per_token(architecture, seq_len, Kept()),
        "stored": stored_values(parameters),
        "decoding_state": {
            "sequence_length": seq_len,
            "batch": batch,
            "dtype": dtype,
            "fixed": state.fixed,
            "windowed": state.windowed,
            "growing": state.growing,
            "values": state.total,
            "bytes": state_bytes,
        },
        "weight_bytes": {str(bits): size for bits, size in weights.items()},
        **({"lora": adapters} if adapters else {}),
        **({"device": _fits(memory, weights, state_bytes)} if memory else {}),
    }


def adapters(rank: int | None, targets: str | Sequence[str]) -> LoRA | None:
    """Low-rank adapters of ``rank`` on ``targets``, or none. Raises ``LehrError`` for a rank below 1."""
    if rank is None:
        return None
    if rank < 1:
        raise LehrError(f"rank: {rank} is below 1; write a number of features, such as 8")
    return LoRA(rank=rank, targets=(targets,) if isinstance(targets, str) else tuple(targets))


def memory_of(device: object) -> tuple[str, float]:
    """What the accelerator of the data ``device`` is called and holds [byte]. Raises ``LehrError`` where its file does
    not say."""
    if not isinstance(device, Mapping) or not device.get("memory_bytes"):
        raise LehrError("accelerator: its file has no memory_bytes; write accelerator=h100_sxm, or add what it holds")
    return str(device["name"]), float(device["memory_bytes"])


def _fits(memory: tuple[str, float], weights: dict[int, float], state: float) -> dict[str, Any]:
    """How many devices weights and state need, by the weights' bits; activations and the runtime are not counted."""
    name, size = memory
    return {
        "accelerator": name,
        "memory_bytes": size,
        "devices": {str(bits): -int(-(held + state) // size) for bits, held in weights.items()},
    }


def as_text(counts: dict[str, Any]) -> str:
    """The counts as tables, each number with its convention."""
    parameters = counts["parameters"]
    rows = [["total", f"{parameters['total']:,}", "trained, main model"]]
    rows.append(["non-embedding", f"{parameters['non_embedding']:,}", "without the vocabulary's table and the head"])
    rows += [[f"active, {c}", f"{n:,}", ACTIVE_CONVENTIONS[c]] for c, n in parameters["active"].items()]
    rows += [[f"  {c}", f"{n:,}", "component of the total"] for c, n in parameters["components"].items()]
    if counts["buffers"]:
        rows.append(["buffers", f"{counts['buffers']:,}", "stored, not trained"])
    rows += [[f"extra, {name}", f"{n:,}", "beside the main model"] for name, n in counts["extras"].items()]
    rows.append(["stored in the checkpoint", f"{counts['stored']:,}", "trained, buffers and extras [values]"])
    if "lora" in counts:
        lora = counts["lora"]
        said = f"trained beside frozen weights, on {', '.join(lora['targets'])}"
        rows.append([f"adapters (LoRA, rank {lora['rank']})", f"{lora['parameters']:,}", said])
    flops = [[n, f"{f / 1e9:,.2f}", FLOP_CONVENTIONS[n].says] for n, f in counts["flops_per_token"].items()]
    return "\n".join(
        [
            f"{counts['model']}" + (f" ({counts['hf_id']})" if counts["hf_id"] else ""),
            "",
            text_table(["parameters", "", "convention"], rows, right={1}),
            "",
            text_table(
                [f"training FLOPs at {counts['sequence_length']} tokens", "GFLOP/token", "convention"], flops, right={1}
            ),
            "",
            _state_text(counts),
            "",
            f"KV cache: {whole(counts['kv_cache_bytes_per_token'])} bytes per token in bf16"
            + (f", and {beside}" if (beside := held_beside(counts)) else ""),
            *_activations(counts),
        ]
    )


def held_beside(counts: dict[str, Any]) -> str:
    """What the decoding state holds in bf16 beside the part that grows with every token; empty where there is nothing.

    >>> held_beside({"full_windows_bytes": 25804800, "recurrent_states_bytes": 0})
    '24.61 MiB in windows once full'
    """
    held = {"in windows once full": "full_windows_bytes", "of recurrent states": "recurrent_states_bytes"}
    return " and ".join(f"{size(counts[key])} {what}" for what, key in held.items() if counts[key])


def _activations(counts: dict[str, Any]) -> list[str]:
    if counts["activation_bytes_per_token"] is None:
        return []
    said = "kept for the backward pass in 16 bits, no attention square stored and nothing recomputed"
    return [f"activations: {counts['activation_bytes_per_token']:,.0f} bytes per token, {said}"]


def size(n_bytes: float) -> str:
    """Bytes as one reads them.

    >>> size(14942208), size(6543376384), size(0)
    ('14.25 MiB', '6.09 GiB', '0 MiB')
    """
    if n_bytes >= 2**30:
        return f"{n_bytes / 2**30:,.2f} GiB"
    return f"{n_bytes / 2**20:,.2f} MiB" if n_bytes else "0 MiB"


def _state_text(counts: dict[str, Any]) -> str:
    """The decoding state and the weights as tables, and whether they fit."""
    state, weights = counts["decoding_state"], counts["weight_bytes"]
    each = STATE_BYTES[state["dtype"]] * state["batch"]
    says = {
        "fixed": "recurrent states, the same at any length",
        "windowed": "keys and values up to a window",
        "growing": "keys and values of every token",
    }
    rows = [[name, f"{state[name]:,}", size(state[name] * each), s] for name, s in says.items()]
    rows.append(["together", f"{state['values']:,}", size(state["bytes"]), ""])
    sequences = "1 sequence" if state["batch"] == 1 else f"{state['batch']:,} sequences"
    heading = f"decoding state at {state['sequence_length']:,} tokens"
    table = text_table([heading, "values each", f"{sequences} in {state['dtype']}", ""], rows, right={1, 2})
    rows = [
        [f"weights in {bits} bits", size(held), size(held + state["bytes"]), _needs(counts, bits)]
        for bits, held in weights.items()
    ]
    return f"{table}\n\n{text_table(['', 'alone', 'with the state', ''], rows, right={1, 2})}"


def _needs(counts: dict[str, Any], bits: str) -> str:
    device = counts.get("device")
    if device is None:
        return ""
    n = device["devices"][bits]
    name, each = device["accelerator"], size(device["memory_bytes"])
    return f"fits one {name} ({each})" if n == 1 else f"takes {n} {name} ({each} each)"

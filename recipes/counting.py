"""One model, counted: parameters, FLOPs per token, decoding state."""

from __future__ import annotations

from typing import Any

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.errors import LehrError
from lehr.recipes.presenting.tables import text_table
from lehr.simulators.counting import (
    ACTIVE_CONVENTIONS,
    FLOP_CONVENTIONS,
    count_parameters,
    kv_cache_bytes_per_token,
    training_flops_per_token,
)

DEFAULT_SEQUENCE = 4096


def count(model: Model, sequence_length: int | None = None) -> dict[str, Any]:
    """Everything that is counted of a model, as plain data; ``sequence_length`` is by default 4096, or the
    model's context where that is shorter.

    Raises ``LehrError`` where the model's architecture is not public, or the sequence is below 1.
    """
    architecture = model.shape()
    seq_len = min(DEFAULT_SEQUENCE, architecture.context_length) if sequence_length is None else sequence_length
    if seq_len < 1:
        raise LehrError(f"sequence_length: {seq_len} is below 1; write a number of tokens")
    parameters = count_parameters(architecture)
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
        "kv_cache_bytes_per_token": kv_cache_bytes_per_token(architecture),
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
            f"KV cache: {counts['kv_cache_bytes_per_token']:,} bytes per token in bf16",
        ]
    )

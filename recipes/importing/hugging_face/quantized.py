"""What ``quantization_config`` says of how the weights are stored."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.simulators.architecture import Checkpoint


def stored_as(f: Fields) -> Checkpoint | None:
    """The checkpoint's own extras: scales of square blocks in FP8 (DeepSeek-V3, arXiv:2412.19437, section 3.3.2)."""
    # what MLX and older compressed checkpoints call it
    others = [f.maybe_mapping(field) for field in ("quantization", "compression_config")]
    found = f.maybe_mapping("quantization_config") or next((other for other in others if other), None)
    if not found:
        return None
    method, block = found.get("quant_method"), found.get("weight_block_size")
    if method is None and "bits" in found:
        method = f"{found['bits']} bits"
    # experts in 4 bits have scales of another kind
    if method == "fp8" and block is not None and f.raw("expert_dtype") != "fp4":
        sides = {whole(side) for side in block} if isinstance(block, list) and block else {None}
        side = sides.pop()
        if sides or side is None or side < 1:
            f.wrong("quantization_config", f"weight_block_size has {shown(block)}; write the side of a square twice")
        return Checkpoint(fp8_block=side)
    f.note(f"the file is of a quantised checkpoint ({shown(method)}); the network is counted as it is without")
    return None

"""The tensors of a checkpoint, whatever format they stand in."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from lehr.recipes.errors import LehrError

MOST_TENSORS = 2_000_000
"""Of one checkpoint; the largest that is published has some 200,000."""

MOST_AXES = 16
MOST_VALUES = 2**62
"""Of one tensor."""


class Tensor(msgspec.Struct, frozen=True):
    """One tensor: its name, its shape and the type of its values."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """How many values it holds."""
        return math.prod(self.shape)


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """What was read: the tensors, of which files, and what is to be said; ``total_bytes`` is all that an index file
    says whose parts are not there."""

    tensors: list[Tensor]
    files: list[str]
    notes: list[str] = []
    total_bytes: int | None = None

    @property
    def total(self) -> int:
        """Values of all tensors."""
        return sum(tensor.size for tensor in self.tensors)

    def dtypes(self) -> dict[str, int]:
        """Values by type, the most first."""
        found: dict[str, int] = {}
        for tensor in self.tensors:
            found[tensor.dtype] = found.get(tensor.dtype, 0) + tensor.size
        return dict(sorted(found.items(), key=lambda item: -item[1]))


def size_of(path: Path) -> int:
    """How long a file is [bytes]. Raises ``LehrError`` for what is none, such as a pipe, which would never end."""
    if not path.is_file():
        raise LehrError(f"{path}: is no file")
    return path.stat().st_size


def checked_shape(shape: Iterable[object]) -> tuple[int, ...]:
    """``shape`` where it is one. Raises ``ValueError`` for negative or absurd sizes.

    >>> checked_shape([4096, 14336])
    (4096, 14336)
    """
    sizes = tuple(shape)
    whole = [
        size for size in sizes if isinstance(size, int) and not isinstance(size, bool) and 0 <= size <= MOST_VALUES
    ]
    if len(whole) != len(sizes) or len(sizes) > MOST_AXES:
        raise ValueError(f"a shape of {len(sizes)} axes that is none")
    product = 1
    for size in whole:
        product *= size
        if product > MOST_VALUES:
            raise ValueError("a shape of more values than any file holds")
    return tuple(whole)


BESIDE = {
    "a part for images or sound": r"(^|\.)(visual|vision_tower|vision_model|vision_encoder|image_newline|audio_tower"
    r"|multi_modal_projector|mm_projector|embed_vision|embed_audio|patch_embed|sam_model|projector)(\.|$)",
    "scales of quantised weights": r"(_scale|_scale_inv|_scale_2|\.scales|\.qzeros|\.g_idx|\.absmax|\.quant_map|\.SCB"
    r"|_zero_point|\.biases_q)$|\.quant_state",
    "tables that are computed, not trained": r"(rotary_emb\.inv_freq|rope_freqs\.weight|rope_factors_\w+\.weight"
    r"|attn\.masked_bias|attention\.masked_bias|\.attn\.bias|\.attention\.bias|position_ids)$",
    "corrections of a router": r"(e_score_correction_bias|expert_bias|exp_probs_b\.bias|moe_statics\S*|router_bias)$",
    "modules for multi-token prediction": r"(^|\.)(mtp|nextn|mtp_layers|mtp_block)(\.|$)",
}
"""What a checkpoint holds beside the parameters of the network, by the names of its tensors."""


def beside(tensors: Iterable[Tensor], n_layers: int) -> dict[str, int]:
    """Values by what they are where they are no parameter of a network with ``n_layers``."""
    patterns = {what: re.compile(pattern) for what, pattern in BESIDE.items()}
    found: dict[str, int] = {}
    for tensor in tensors:
        layer = re.search(r"(?:^|\.)(?:layers|blk)\.(\d{1,9})\.", tensor.name)
        what = next((what for what, pattern in patterns.items() if pattern.search(tensor.name)), None)
        if what is None and layer is not None and int(layer[1]) >= n_layers:
            what = "modules for multi-token prediction"
        if what is not None:
            found[what] = found.get(what, 0) + tensor.size
    return found


def compared(stored: Inventory, ours: int, n_layers: int) -> list[str]:
    """What is said of the stored tensors beside ``ours``, the parameters that the configuration has; the answer first.

    >>> one = Inventory(tensors=[Tensor("a", (2, 3), "BF16")], files=["m.safetensors"])
    >>> compared(one, 6, n_layers=1)
    ['stored: 6 values in 1 tensor of m.safetensors (BF16): equal to our count']
    """
    if not stored.tensors:
        return _by_bytes(stored, ours)
    n, files = len(stored.tensors), stored.files
    shown = files[0] if len(files) == 1 else f"{len(files)} files"
    where = f"stored: {stored.total:,} values in {n:,} tensor{'s' * (n > 1)} of {shown} ({', '.join(stored.dtypes())})"
    apart = beside(stored.tensors, n_layers)
    rest = stored.total - sum(apart.values())
    if stored.total == ours:
        verdict = "equal to our count"
    elif rest == ours:
        verdict = "equal to our count beside " + ", ".join(f"{size:,} of {what}" for what, size in apart.items())
    else:
        more = rest - ours
        verdict = f"{abs(more):,} {'more' if more > 0 else 'fewer'} than our {ours:,}"
        if apart:
            verdict += ", without " + ", ".join(f"{size:,} of {what}" for what, size in apart.items())
    return [f"{where}: {verdict}", *(f"note: {note}" for note in stored.notes)]


def _by_bytes(stored: Inventory, ours: int) -> list[str]:
    """The same where only the size of the whole is known."""
    size = stored.total_bytes or 0
    fits = [width for width in (1, 2, 4) if size == width * ours]
    what = f"{size:,} bytes by {stored.files[0]}"
    if fits:
        return [f"stored: {what}: our count at {fits[0]} byte{'s' * (fits[0] > 1)} a value"]
    each = size / ours if ours else 0.0
    return [f"stored: {what}: {each:.4g} bytes for each of our {ours:,} values", *stored.notes]

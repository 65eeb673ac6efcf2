"""What becomes of a field that no reader takes: nothing to say, a note that names it, or an error."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from lehr.recipes.importing.hugging_face.parts import ACTIVATIONS, Network
from lehr.recipes.importing.hugging_face.reading import Fields, shown, whole
from lehr.recipes.importing.hugging_face.shared import MTP_COUNTS, NO_EFFECT, SWITCHES
from lehr.simulators.architecture import Block
from lehr.simulators.layers import MLA, MLP, Attention, MoE, Rope

SAME = {
    "vocab_size": "vocab_size padded_vocab_size n_vocab embedding_size vocabulary_size",
    "hidden_size": "hidden_size n_embd d_model dim model_dim embed_dim hidden_dim word_embed_proj_dim",
    "num_hidden_layers": "num_hidden_layers n_layer n_layers num_layers depth",
    "num_attention_heads": "num_attention_heads n_head n_heads num_heads",
    "num_key_value_heads": "num_key_value_heads n_head_kv n_kv_heads num_kv_heads kv_n_heads multi_query_group_num "
    "num_query_groups",
    "head_dim": "head_dim kv_channels d_head attention_head_dim attention_head_size head_size",
    "intermediate_size": "intermediate_size n_inner ffn_dim ffn_hidden_size d_ff mlp_hidden_size moe_intermediate_size "
    "expert_intermediate_size",
    "num_experts": "num_experts num_local_experts n_routed_experts moe_num_experts n_experts",
    "num_experts_per_tok": "num_experts_per_tok num_experts_per_token moe_topk moe_k num_selected_experts",
    "context": "max_position_embeddings n_positions n_ctx seq_length model_max_length max_sequence_length "
    "max_seq_len max_seq_length context_length max_context_length max_seq_len_cached",
    "hidden_act": "hidden_act hidden_activation activation_function activation activation_type act_fn mlp_act",
    "rope_base": "rope_theta rotary_emb_base rope_base rotary_base",
}
"""Names of the same size, as classes and tools write them; the first is the one that transformers writes most."""

UNSHAPED = {"context", "rope_base", "hidden_act"}
"""Those that change no shape where a class does not read them."""

NO_SHAPE = frozenset(
    """
    attention_chunk_size fim_rate is_decoder original_max_position_embeddings partial_rotary_factor
    position_embedding_type prefix_lm rope_parameters rope_scaling rotary_pct sliding_window use_sliding_window
    """.split()  # noqa: SIM905
)
"""Of the features that only some classes have, those that change no shape where a class does not know them."""

GROUPS = {name: group for group, names in SAME.items() for name in names.split()}

STRUCTURAL = re.compile(
    r"^(num|n|tied?|shared?)_|(^|_)(size|dim|dims|width|depth|rank|heads|layer|channels|kernel|vocab|ratio|mult|multiplier|expand"
    r"|streams|stack|blocks|bias|biases|tied?|shared?|gated?|norms?|lora)$|experts|rank|layers|lora"
)
"""A field of such a name may change a shape."""

CLOSE = 0.87
"""As near as this (``difflib``'s ratio) to a field that the file leaves out, a name is a slip of the pen."""


def settle(
    f: Fields, no_effect: Iterable[str], network: Network, ignore: Iterable[str] = (), inside: tuple[str, ...] = ()
) -> list[str]:
    """Go through the fields of the file that nobody read; return those that pass and are to be named.

    In silence pass what is switched off, what changes nothing whatever the class, and what repeats a size of the
    network. Raises ``LehrError`` for a field that may change a shape, with what to write where it does not.
    """
    harmless, named = NO_EFFECT.union(no_effect, f.harmless), []
    sizes = sizes_of(network)
    for name, value in f.data.items():
        full = ".".join((*inside, name))
        if name in ignore or full in ignore:
            if name in f.read:
                f.wrong(name, f"is read by model_type {f.model_type}; ignore=[...] is for fields that nobody reads")
            f.note(f"{full}: {shown(value)} is passed over, as told by ignore=")
        elif name in f.read or name in harmless or inert(value) or repeats(name, value, sizes):
            continue
        elif name in MTP_COUNTS and (whole(value) or 0) > 0:
            f.note(f"{value} modules for multi-token prediction ({name}) are left out: their shape is not known")
        else:
            refuse(f, name, value, sizes)
            named.append(full)
    for part in f.sections:
        # a section's own name stands in its errors
        field = part.where.removeprefix(f.where).removesuffix(".")
        named += settle(part, no_effect, network, ignore, (*inside, field))
    return named


def stands(f: Fields, name: str, inside: str = "") -> bool:
    """Is there such a field in the file, or in a section that was read?"""
    if any(name in (field, inside + field) for field in f.data):
        return True
    return any(stands(part, name, part.where.removeprefix(f.where)) for part in f.sections)


def inert(value: Any) -> bool:
    """Is the field switched off: null, false, 0, or empty?

    >>> [inert(value) for value in (None, False, 0, 0.0, "", [], {}, "none", 1)]
    [True, True, True, True, True, True, True, False, False]
    """
    return value is None or value is False or value == 0 or value in ("", [], {})


def refuse(f: Fields, name: str, value: Any, sizes: Mapping[str, set[Any]]) -> None:
    """Raise ``LehrError`` where the field may change a shape; return where it cannot."""
    way_out = f"write ignore=[{name}] where it changes none" if NAME.fullmatch(name) else "take it out"
    known = {*f.read, *f.defaults} - f.data.keys()
    if near := get_close_matches(name, known, n=1, cutoff=CLOSE):
        f.wrong(name, f"not a field of model_type {f.model_type}; did you mean {near[0]}? If not, {way_out}")
    group = GROUPS.get(name, "")
    if said := sorted(map(str, sizes.get(group, ()))):
        if group not in UNSHAPED:
            f.wrong(name, f"found {shown(value)}, but the other fields say {' or '.join(said)}; {way_out}")
        return
    if name in SWITCHES and group not in UNSHAPED and name not in NO_SHAPE:
        f.wrong(name, f"found {shown(value)}, but model_type {f.model_type} has no such feature; {way_out}")
    if structural(name, value) and name not in NO_SHAPE:
        near = get_close_matches(name, {*f.read, *f.defaults}, n=1, cutoff=0.75)
        hint = f"; did you mean {near[0]}? If not, {way_out}" if near else f", and it looks like a shape; {way_out}"
        f.wrong(name, f"not a field of model_type {f.model_type}{hint}")


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
"""A key that Hydra's grammar takes without quotes."""


def structural(name: str, value: Any) -> bool:
    """Could a field of this name and value change a shape?

    >>> structural("num_memory_tokens", 16), structural("moe_rank", 8), structural("tie_layers", True)
    (True, True, True)
    >>> structural("interpolate_factor", 1), structural("pad_key_length", True), structural("norm_type", "rms")
    (False, False, False)
    """
    if isinstance(value, str):
        return False
    if isinstance(value, dict):
        return any(structural(str(key), inner) for key, inner in value.items() if not inert(inner))
    return bool(STRUCTURAL.search(name.lower()))


def repeats(name: str, value: Any, sizes: Mapping[str, set[Any]]) -> bool:
    """Does the field say again what the network has?"""
    group = GROUPS.get(name)
    if group is None or isinstance(value, (bool, list, dict)):
        return False
    if group == "hidden_act":
        return ACTIVATIONS.get(value) in sizes[group]
    return value in sizes[group]


def sizes_of(network: Network) -> dict[str, set[Any]]:
    """Every value that the network has of each size of ``SAME``."""
    encoder = network.encoder.blocks if network.encoder else []
    stack = [*dict.fromkeys([*network.blocks, *encoder])]
    found: dict[str, set[Any]] = {group: set() for group in SAME}
    found["vocab_size"] = {network.embedding.vocab_size}
    found["hidden_size"] = {network.d_model} | ({network.encoder.d_model} if network.encoder else set()) - {None}
    found["num_hidden_layers"] = {len(network.blocks), len(encoder)} - {0}
    found["context"] = {network.context_length} - {None}
    for block in stack:
        add_sizes(found, block)
    return found


def add_sizes(found: dict[str, set[Any]], block: Block) -> None:
    """The sizes of a block's two sublayers."""
    mixer, channel = block.mixer, block.mlp
    if isinstance(mixer, (Attention, MLA)):
        found["num_attention_heads"].add(mixer.n_heads)
    if isinstance(mixer, Attention):
        found["num_key_value_heads"].add(mixer.n_kv_heads)
        found["head_dim"].add(mixer.d_head)
        if isinstance(mixer.position, Rope):
            found["rope_base"].add(mixer.position.base)
    if isinstance(channel, (MLP, MoE)):
        found["hidden_act"].add(channel.activation)
    if isinstance(channel, MLP):
        found["intermediate_size"].add(channel.d_ff)
    if isinstance(channel, MoE):
        found["num_experts"].add(channel.n_experts)
        found["num_experts_per_tok"].add(channel.top_k)
        found["intermediate_size"].add(channel.d_ff_expert)


def context_of(f: Fields) -> int | None:
    """The context length of a class that has no field for it, where the file names one all the same."""
    for name in SAME["context"].split():
        number = whole(f.data.get(name))
        if number is not None and 0 < number < 10**12:
            return number
    return None

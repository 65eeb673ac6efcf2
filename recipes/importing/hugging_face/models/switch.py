"""Google: Switch Transformers."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import reads
from lehr.recipes.importing.hugging_face.models.t5 import T5_NAMES, T5_TASKS, T5_UNUSED, decoded, t5_like
from lehr.recipes.importing.hugging_face.parts import Network, activation
from lehr.recipes.importing.hugging_face.reading import Fields
from lehr.simulators.layers import MLP, MoE


@reads(
    "switch_transformers",
    "SwitchTransformers",
    also=T5_NAMES,
    tasks=T5_TASKS,
    no_effect=f"{T5_UNUSED} feed_forward_proj is_gated_act",
)
def switch(f: Fields) -> Network:
    """Switch Transformers (arXiv:2101.03961): T5 with experts, one of them for a token, in one of so many layers."""
    f.fixed("tie_word_embeddings", True)
    n = f.layers()
    dense = MLP(d_ff=f.size("d_ff"), activation=activation(f, "dense_act_fn"))
    moe = MoE(
        n_experts=f.size("num_experts"),
        top_k=1,
        d_ff_expert=dense.d_ff,
        activation=dense.activation,
        router_bias=f.flag("router_bias"),
    )

    def mixed(layers: int, side: str) -> list[MLP | MoE]:
        sparse, stated = f.extent(f"num_sparse_{side}_layers"), f.extent(f"{side}_sparse_step")
        step = layers // sparse if sparse else layers
        step = stated if f.given(f"{side}_sparse_step") else step
        return [moe if step == 1 or (step and i % step == 1) else dense for i in range(layers)]

    return t5_like(f, mixed(n, "encoder"), mixed(decoded(f, n), "decoder"), every=False)

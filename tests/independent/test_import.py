"""``lehr import`` beside transformers, which builds the network of the same configuration on the meta device.

For every class of transformers that is known, its default configuration and altered ones are written twice, short
(what differs from the defaults) and in full, read again by us, and counted. Totals are equal to the last parameter.
"""

from __future__ import annotations

import json
import random
import zlib
from typing import Any

import pytest

from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.config import import_config
from lehr.recipes.importing.hugging_face.registry import CLASSES
from lehr.simulators.counting import count_parameters

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers.models.auto import modeling_auto as auto  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING  # noqa: E402

TABLES = {
    "causal": auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    "masked": auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    "sequence to sequence": auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    "bare": auto.MODEL_MAPPING_NAMES,
}
ALTERED = 6

NOT_BUILT = {"internlm3", "iquestcoder", "kimi_k2", "dbrx", "lfm2_moe", "longcat_flash", "cohere_compass_text"}
"""transformers builds these with another type's class, and DBRX not at all (5.23: no rope_theta),
LFM2 with experts only where ``layer_types`` is given; LongCat-Flash has gates of the experts that do nothing there,
which its checkpoint has not: it is compared below without them; North's text model only with rotary parameters."""

DEFAULT_REFUSED = {
    # the class's default configuration is one that nobody could train, or that we say is not described
    "deepseek_v2": "num_experts_per_tok: is missing",
    "hunyuan_v1_moe": "moe_topk",
}

SIZES: dict[str, list[Any]] = {
    "num_hidden_layers n_layer n_layers num_layers encoder_layers decoder_layers num_decoder_layers": [1, 2, 3, 5, 8],
    "intermediate_size ffn_dim d_ff n_inner moe_intermediate_size shared_expert_intermediate_size hidden_dim "
    "intermediate_size_mlp encoder_ffn_dim decoder_ffn_dim shared_intermediate_size ffn_hidden_size "
    "moe_shared_expert_intermediate_size": [40, 72, 128],
    "vocab_size": [151, 320, 1000],
    "max_position_embeddings n_positions seq_length max_seq_len": [64, 128, 500],
    "type_vocab_size": [1, 2, 3],
    "num_experts num_local_experts n_routed_experts moe_num_experts": [8, 12, 16],
    "num_experts_per_tok moe_topk moe_k": [1, 2, 4],
    "n_shared_experts num_shared_experts moe_num_shared_experts": [1, 2, 3],
    "n_group topk_group": [1],
    "q_lora_rank": [24, 40],
    "kv_lora_rank": [16, 40],
    "qk_nope_head_dim v_head_dim": [8, 16, 24],
    "qk_rope_head_dim": [8, 16],
    "first_k_dense_replace num_dense_layers": [0, 1],
    "decoder_sparse_step interleave_moe_layer_step moe_layer_interval moe_layer_freq": [1, 2, 3],
    "mlp_only_layers": [[], [0]],
    "moe_latent_size": [None, 24],
    "sliding_window window_size": [32],
    "pad_token_id bos_token_id eos_token_id cls_token_id sep_token_id": [1],
}
VALUES = {name: values for names, values in SIZES.items() for name in names.split()}
UNSAID = {"num_experts_per_tok", "n_routed_experts", "n_shared_experts", "moe_latent_size"}
"""Needed, or left out, by default in some class."""
WIDTH = {"hidden_size", "d_model", "n_embd", "n_embed", "dim"}
HEADS = {"num_attention_heads", "n_head", "n_heads", "num_heads", "attention_heads"}
HEADS |= {"encoder_attention_heads", "decoder_attention_heads"}
BY_LAYER = {"layer_types", "mlp_layer_types", "no_rope_layers", "layers_block_type", "moe_layers"}
LEFT = {"is_encoder_decoder", "use_cache", "output_hidden_states", "return_dict", "output_attentions", "is_decoder"}
LEFT |= {"add_cross_attention", "use_bfloat16", "torchscript", "tie_encoder_decoder"}


def altered(fields: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Other sizes, and each switch thrown or not; what goes together stays together."""
    n_heads, d_head = chance.choice([4, 8]), chance.choice([8, 16, 32])
    changed: dict[str, Any] = {}
    for name, value in fields.items():
        if name in WIDTH:
            changed[name] = n_heads * d_head
        elif name in HEADS:
            changed[name] = n_heads
        elif name in ("num_key_value_heads", "num_kv_heads"):
            changed[name] = chance.choice([1, 2, 4, n_heads])
        elif name in ("head_dim", "d_kv"):
            changed[name] = chance.choice([d_head, 2 * d_head])
        elif name in BY_LAYER:
            changed[name] = None
        elif name in VALUES and (value is not None or name in UNSAID):
            changed[name] = chance.choice(VALUES[name])
        elif isinstance(value, bool) and name not in LEFT:
            changed[name] = chance.choice([value, value, True, False])
    if chance.random() < 0.3:
        kept = {name for name in changed if chance.random() < 0.4 or name.endswith("token_id")}
        changed = {name: value for name, value in changed.items() if name in kept}
    return changed


def trained(class_name: str, config: Any) -> int:
    """Parameters of transformers' module that are trained; a tied head is the table and counts once."""
    with torch.device("meta"):
        module = getattr(transformers, class_name)(config)
    return sum(p.numel() for p in {id(p): p for p in module.parameters()}.values() if p.requires_grad)


def written(config: Any, class_name: str) -> list[dict[str, Any]]:
    """As a file of the hub has it, and in full."""
    texts = [json.dumps(config.to_diff_dict()), json.dumps(config.to_dict())]
    fields = [json.loads(text) for text in texts]
    return [{**each, "model_type": config.model_type, "architectures": [class_name]} for each in fields]


def counted(fields: dict[str, Any]) -> int | str:
    """What we count, or why we do not."""
    try:
        return count_parameters(import_config(fields).architecture).total
    except LehrError as error:
        return str(error)


def cases() -> list[tuple[str, str, str]]:
    found = []
    for kind, table in TABLES.items():
        for model_type, names in table.items():
            name = names if isinstance(names, str) else names[0]
            known = model_type in CLASSES and model_type in CONFIG_MAPPING and hasattr(transformers, name)
            # an encoder's decoder alone is not described
            alone = kind == "causal" and model_type in TABLES["sequence to sequence"]
            if known and not alone and model_type not in NOT_BUILT:
                found.append((model_type, kind, name))
    return found


CASES = cases()


def test_there_are_many() -> None:
    assert len({model_type for model_type, *_ in CASES}) >= 155


@pytest.mark.parametrize(("model_type", "kind", "class_name"), CASES, ids=[f"{t}-{k}" for t, k, _ in CASES])
def test_totals_are_those_of_transformers(model_type: str, kind: str, class_name: str) -> None:
    chance = random.Random(zlib.crc32(f"{model_type} {kind}".encode()))
    make = CONFIG_MAPPING[model_type]
    default = make()
    equal = 0
    for number in range(ALTERED + 1):
        try:
            config = make(**altered(default.to_dict(), chance)) if number else default
            theirs = trained(class_name, config)
        except Exception:
            # transformers itself refuses the combination, each class with an error of its own
            continue
        for fields in written(config, class_name):
            ours = counted(fields)
            if isinstance(ours, int):
                assert ours == theirs, fields
                equal += 1
            elif not number:
                assert DEFAULT_REFUSED.get(model_type, "?") in ours
    assert equal >= 2, "nothing was compared"


@pytest.mark.parametrize("n_layers", [1, 3])
def test_longcat_flash_without_experts_that_do_nothing(n_layers: int) -> None:
    config = CONFIG_MAPPING["longcat_flash"](zero_expert_num=0, num_layers=n_layers)
    theirs = trained("LongcatFlashForCausalLM", config)
    assert [counted(fields) for fields in written(config, "LongcatFlashForCausalLM")] == [theirs, theirs]


@pytest.mark.parametrize("model_type", ["glm4_moe", "qwen3_moe", "olmo2", "smollm3", "gemma"])
def test_heads_that_do_not_divide_the_width(model_type: str) -> None:
    """The classes that take them round the size of a head down."""
    sizes = {"hidden_size": 64, "num_attention_heads": 7, "num_key_value_heads": 7, "num_hidden_layers": 1}
    config = CONFIG_MAPPING[model_type](**sizes)
    name = TABLES["causal"][model_type]
    assert counted({"model_type": model_type, "architectures": [name], **sizes}) == trained(name, config)


def test_norths_text_model() -> None:
    positions = {"full_attention": {"rope_type": "default", "rope_theta": 1e4}, "sliding_attention": None}
    fields = {
        "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2,
        "num_hidden_layers": 3, "vocab_size": 100, "rope_parameters": positions,
        "layer_types": ["full_attention", "sliding_attention", "full_attention"], "attention_bias": True,
    }  # fmt: skip
    config = CONFIG_MAPPING["cohere_compass_text"](**fields)
    for each in written(config, "CohereCompassForCausalLM"):
        found = import_config(each).architecture
        assert count_parameters(found).total == trained("CohereCompassForCausalLM", config)
        assert {block.mixer.position.__class__.__name__ for block in found.blocks.values()} == {"Rope", "NoPosition"}


STEP = {
    "model_type": "step3p7",
    "architectures": ["Step3p7ForConditionalGeneration"],
    "text_config": {
        "model_type": "step3p5", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 6,
        "num_attention_heads": 4, "num_attention_groups": 2, "head_dim": 16, "vocab_size": 100,
        "moe_num_experts": 8, "moe_top_k": 2, "moe_intermediate_size": 24, "share_expert_dims": 40,
        "max_position_embeddings": 128, "sliding_window": 32, "num_nextn_predict_layers": 2,
        "moe_layers_enum": "3,4,5", "rope_theta": [5e6, 1e4, 1e4, 5e6, 1e4, 1e4, 1e4, 1e4],
        "partial_rotary_factors": [0.5, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 1.0],
        "layer_types": (["full_attention"] + ["sliding_attention"] * 2) * 2 + ["sliding_attention"] * 2,
        "attention_other_setting": {"attention_type": "sliding_attention", "num_attention_heads": 6},
    },
}  # fmt: skip
"""As the hub has Step 3.5 and 3.7, smaller."""


def test_steps_text_model_with_more_heads_where_there_are_windows() -> None:
    from transformers.models.step3p7.modeling_step3p7 import Step3p7TextModel

    config = CONFIG_MAPPING["step3p7"](text_config=dict(STEP["text_config"])).text_config  # type: ignore[call-overload]
    with torch.device("meta"):
        body = sum(p.numel() for p in Step3p7TextModel(config).parameters())
    found = import_config(STEP)
    assert count_parameters(found.architecture).total == body + 64 * 100
    assert found.architecture.mtp is not None
    assert found.architecture.mtp.depth == 2
    mixers = [block.mixer for block in found.architecture.blocks.values()]
    assert {(m.window, m.n_heads, m.position.base) for m in mixers} == {(None, 4, 5e6), (32, 6, 1e4)}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("model_type", "name", "difference"),
    [
        ("kimi_k25", "Kimi_K25ForConditionalGeneration", 471_143_920),
        ("minimax_m3_vl", "MiniMaxM3SparseForConditionalGeneration", 865_567_232),
    ],
)
def test_what_the_hub_counts_beside_the_text_model_is_the_part_that_sees(
    model_type: str, name: str, difference: int
) -> None:
    """Kimi-K2.5 and MiniMax-M3: the hub's totals less ours, to the last parameter."""
    from importlib import import_module

    module = import_module(f"transformers.models.{model_type}.modeling_{model_type}")
    config = CONFIG_MAPPING[model_type]()
    text = config.text_config
    text.num_hidden_layers = 1
    for field in ("layer_types", "mlp_layer_types"):
        if getattr(text, field, None):
            setattr(text, field, getattr(text, field)[:1])
    if model_type == "kimi_k25":
        # the published width, which the map from the part that sees leads to
        text.hidden_size = 7168
    with torch.device("meta"):
        whole = getattr(module, name)(config)
    beside = sum(p.numel() for n, p in whole.named_parameters() if "language_model" not in n and "lm_head" not in n)
    assert beside == difference


def test_an_rwkv_5_file_by_the_name_of_its_class() -> None:
    fields = {"hidden_size": 128, "num_hidden_layers": 2, "vocab_size": 100, "context_length": 64}
    by_type = import_config({**fields, "model_type": "rwkv5", "architectures": ["Rwkv5ForCausalLM"]})
    older = import_config({**fields, "model_type": "rwkv5", "architectures": ["RwkvForCausalLM"]})
    assert older.architecture == by_type.architecture
    assert import_config({**fields, "architectures": ["RwkvForCausalLM"]}).model_type == "rwkv"

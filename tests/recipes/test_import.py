"""``lehr import``: what it writes, what it says, and what it refuses in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.importing.hugging_face.config import Imported, import_config
from lehr.recipes.importing.hugging_face.families import defaults
from lehr.recipes.importing.hugging_face.registry import CLASSES
from lehr.recipes.importing.run import read_config, write_model
from lehr.simulators.counting import FLOP_CONVENTIONS, block_flops, count_parameters, forward_flops_per_token
from lehr.simulators.decoding import decoding_state
from lehr.simulators.layers import MLP, MoE
from tests.data import data_file

ROOT = Path(__file__).parents[2]

LLAMA = {
    "model_type": "llama", "hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_hidden_layers": 2,
    "vocab_size": 100,
}  # fmt: skip


def lehr(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lehr", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        check=False,
    )


def imported(fields: dict[str, Any]) -> Imported | None:
    """What is read, or nothing where it is refused in one line that names the file."""
    try:
        return import_config(fields, "config.json")
    except LehrError as error:
        lines = str(error).splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("config.json: ")
    return None


def put(folder: Path, fields: Any) -> Path:
    path = folder / "config.json"
    path.write_text(fields if isinstance(fields, str) else json.dumps(fields))
    return path


def test_the_file_is_a_model_like_any_other(tmp_path: Path) -> None:
    put(tmp_path, LLAMA)
    done = lehr("import", "path=config.json", "name=mine", "hf_id=me/mine", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "max_position_embeddings" in done.stdout, "fields that the file leaves out are named"
    counted = lehr("count", "--config-dir", "my_conf", "model=mine", "format=json", folder=tmp_path)
    counts = json.loads(counted.stdout)
    # tables 2 x 100 x 64, and in each of 2 layers 4 x 64 x 64 + 3 x 64 x 96 + 2 x 64; the last norm 64
    assert counts["parameters"]["total"] == 12_800 + 2 * (16_384 + 18_432 + 128) + 64
    assert counts["hf_id"] == "me/mine"


@pytest.mark.parametrize("model_type", sorted(CLASSES))
def test_what_is_written_is_what_was_read(model_type: str, tmp_path: Path) -> None:
    """Every class's default configuration, where it has one that can be read."""
    found = imported({"model_type": model_type})
    if found is None:
        return
    write_model("mine", found, tmp_path, "config.json")
    model = Catalogue([tmp_path]).model("mine")
    assert model.shape() == found.architecture


def test_short_and_full_files_are_the_same_network() -> None:
    short = {**LLAMA, "torch_dtype": "bfloat16", "rope_theta": 5e5}
    full = {
        **LLAMA,
        "dtype": "bfloat16",
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e5},
        "num_key_value_heads": 4,
        "head_dim": 16,
        "hidden_act": "silu",
        "max_position_embeddings": 2048,
        "attention_bias": False,
        "mlp_bias": False,
        "attention_dropout": 0.0,
        "tie_word_embeddings": False,
        "rms_norm_eps": 1e-6,
        "use_cache": True,
        "id2label": {"0": "LABEL_0"},
        "output_hidden_states": False,
        "transformers_version": "5.23.0",
    }
    assert import_config(short).architecture == import_config(full).architecture
    # what the newer key says is not left to the class
    assert "rope_theta" not in import_config(full).defaulted
    assert "rope_theta" in import_config(LLAMA).defaulted


def test_the_text_model_of_a_larger_one_is_read_and_said() -> None:
    inner = {**LLAMA, "model_type": "mistral", "num_key_value_heads": 2}
    found = import_config({"model_type": "llava", "text_config": inner, "vision_config": {"hidden_size": 32}})
    assert found.architecture == import_config(inner).architecture
    assert found.notes == ["text_config of a llava is read, its text model; the rest of that model is left out"]


@pytest.mark.parametrize("model_type", [None, "mine"])
def test_a_type_that_is_not_known_is_read_by_its_class(model_type: str | None) -> None:
    named = {**LLAMA, "architectures": ["LlamaForCausalLM"]}
    found = import_config({**named, "model_type": model_type})
    assert found.architecture == import_config(named).architecture
    assert any("is read by its class, as a llama" in note for note in found.notes)


BITS = {"bits": 4, "group_size": 64}
SMALL_MIXTURE = {
    "model_type": "deepseek_v3", "num_hidden_layers": 4, "hidden_size": 64, "num_attention_heads": 4,
    "n_routed_experts": 8, "num_experts_per_tok": 2, "vocab_size": 100, "moe_intermediate_size": 32,
    "intermediate_size": 64, "kv_lora_rank": 16, "q_lora_rank": 24, "first_k_dense_replace": 1,
    "num_nextn_predict_layers": 0,
}  # fmt: skip
ODDITIES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no key-value heads": ({**LLAMA, "num_key_value_heads": None}, LLAMA),
    "no head size": ({**LLAMA, "head_dim": None}, LLAMA),
    "a size as a float": ({**LLAMA, "vocab_size": 100.0}, LLAMA),
    "a rotation of no kind": ({**LLAMA, "rope_scaling": {"type": None}}, LLAMA),
    "AWQ": ({**LLAMA, "quantization_config": {"quant_method": "awq", **BITS, "zero_point": True}}, LLAMA),
    "GPTQ": ({**LLAMA, "quantization_config": {"quant_method": "gptq", "desc_act": False, **BITS}}, LLAMA),
    "bitsandbytes": ({**LLAMA, "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, LLAMA),
    "MLX": ({**LLAMA, "quantization": BITS, "quantization_config": BITS}, LLAMA),
    "a window of 0": (
        {"model_type": "mistral", "sliding_window": 0}, {"model_type": "mistral", "sliding_window": None}
    ),
    "another's class": ({**SMALL_MIXTURE, "model_type": "kimi_k2", "architectures": ["DeepseekV3ForCausalLM"],
        "rms_norm_eps": 1e-6,
        "auto_map": {"AutoConfig": "configuration_deepseek.DeepseekV3Config"}}, SMALL_MIXTURE),
    "sparse layers by a list": ({**SMALL_MIXTURE, "moe_layer_freq": [0, 1, 1, 1]}, SMALL_MIXTURE),
    "no shared experts": ({**SMALL_MIXTURE, "n_shared_experts": None}, {**SMALL_MIXTURE, "n_shared_experts": 0}),
}  # fmt: skip


@pytest.mark.parametrize("oddity", ODDITIES)
def test_an_oddity_of_the_hub_is_the_plain_network(oddity: str) -> None:
    odd, plain = ODDITIES[oddity]
    assert import_config(odd).architecture == import_config(plain).architecture


def test_a_quantised_file_is_said() -> None:
    for odd, _ in ODDITIES.values():
        quantised = "quantization_config" in odd
        assert any("quantised" in note for note in import_config(odd).notes) == quantised


def test_modules_for_multi_token_prediction_are_counted_beside_the_network_or_said() -> None:
    # each module: a layer (of gated attention in Qwen3.5), a map from two vectors to one, three norms
    mimo = {"hidden_size": 64, "intermediate_size": 96, "num_attention_heads": 4, "num_key_value_heads": 2}
    mimo |= {"vocab_size": 100, "max_position_embeddings": 128, "num_hidden_layers": 2}
    for bare, field in (
        ({"model_type": "qwen3_5_text", "num_hidden_layers": 4}, "mtp_num_hidden_layers"),
        ({"model_type": "mimo", **mimo}, "num_nextn_predict_layers"),
    ):
        found = import_config({**bare, field: 1}).architecture
        block, d = found.blocks[found.mtp.block if found.mtp else ""], found.d_model
        expected = sum(w.size for w in block.weights(d)) + 2 * d * d + 3 * d
        assert count_parameters(found).extras == {"mtp": expected}
        assert count_parameters(found).total == count_parameters(import_config(bare).architecture).total
    # EXAONE 4.5: a layer as the others; MiMo-V2-Flash: a windowed layer with a dense MLP, three modules by default
    one = import_config({"model_type": "exaone4_5_text", "num_nextn_predict_layers": 1, "num_hidden_layers": 2})
    three = import_config({"model_type": "mimo_v2_flash"})
    for found, n_modules in ((one.architecture, 1), (three.architecture, 3)):
        assert found.mtp is not None
        block, d = found.blocks[found.mtp.block], found.d_model
        each = sum(w.size for w in block.weights(d)) + 2 * d * d + 3 * d
        assert found.mtp.depth == n_modules
        assert count_parameters(found).extras == {"mtp": n_modules * each}
    # K-EXAONE: a dense layer beside layers of experts
    dense = import_config({"model_type": "exaone_moe", "num_nextn_predict_layers": 1}).architecture
    assert dense.mtp is not None
    assert isinstance(dense.blocks[dense.mtp.block].mlp, MLP)
    # Hunyuan 3: a layer as the others
    last = import_config({"model_type": "hy_v3", "num_nextn_predict_layers": 1}).architecture
    assert last.mtp is not None
    assert isinstance(last.blocks[last.mtp.block].mlp, MoE)
    for model_type in ("ernie4_5_moe", "nemotron", "mellum"):
        notes = import_config({"model_type": model_type, "num_nextn_predict_layers": 1}).notes
        assert any("multi-token prediction" in note for note in notes), model_type


def test_sarvam_is_ling_and_deepseek_v3_under_new_names() -> None:
    """The stored totals of sarvamai/sarvam-30b and sarvam-105b, by the hub."""
    sizes = {"hidden_size": 4096, "num_attention_heads": 64, "num_experts": 128, "first_k_dense_replace": 1}
    sizes |= {"vocab_size": 262144, "num_shared_experts": 1, "max_position_embeddings": 131072}
    moe = {"model_type": "sarvam_moe", "num_hidden_layers": 19, "num_key_value_heads": 4, "head_dim": 64}
    moe |= {"num_experts_per_tok": 6, "moe_intermediate_size": 1024, "intermediate_size": 8192, "use_qk_norm": True}
    mla = {"model_type": "sarvam_mla", "num_hidden_layers": 32, "kv_lora_rank": 512, "q_lora_rank": None}
    mla |= {"qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "q_head_dim": 192, "head_dim": 576}
    mla |= {"num_experts_per_tok": 8, "moe_intermediate_size": 2048, "intermediate_size": 16384}
    for fields, stored in ((moe, 32_152_650_368), (mla, 106_031_767_424)):
        found = count_parameters(import_config(sizes | fields).architecture)
        assert found.total + found.buffers == stored


def test_layers_that_share_their_weights_are_counted_once_and_used_each_time() -> None:
    one, twelve = (import_config({"model_type": "albert", "num_hidden_layers": n}).architecture for n in (1, 12))
    assert count_parameters(one).total == count_parameters(twelve).total
    causal = FLOP_CONVENTIONS["causal"]
    work = [forward_flops_per_token(a, 512, causal) for a in (one, twelve)]
    layer = block_flops(twelve.blocks["encoder"], twelve.d_model, 512, causal, causal=False)
    assert work[1] - work[0] == pytest.approx(11 * layer, rel=1e-12)  # sums of a few floats


MISTAKES: dict[str, tuple[Any, str]] = {
    "no file": (None, "config.json: cannot be read"),
    "not JSON": ("model_type: llama", "config.json:1:1: not JSON"),
    "a truncated file": (json.dumps(LLAMA)[:-9], "not JSON"),
    "an empty file": ("", "not JSON"),
    "a key twice": (
        '{"model_type": "llama", "hidden_size": 64, "hidden_size": 128}',
        "'hidden_size' stands there twice",
    ),
    "more modules than memory": (
        {"model_type": "deepseek_v3", "num_nextn_predict_layers": 10**11},
        "write 1000 or fewer",
    ),
    "more streams than memory": ({"model_type": "gemma3n_text", "altup_num_inputs": 10**11}, "write 1000 or fewer"),
    "a list": ([LLAMA], "holds a list; write a mapping"),
    "a number": (3, "holds a int; write a mapping"),
    "a number of 5,000 digits": ('{"model_type": "llama", "vocab_size": ' + "9" * 5000 + "}", "config.json"),
    "deep nesting": ("[" * 100_000, "not JSON"),
    "no model_type": ({"hidden_size": 64}, "has no model_type"),
    "an unknown model_type": ({**LLAMA, "model_type": "lama"}, "did you mean llama?"),
    "a model_type that cannot be described": ({"model_type": "zamba2"}, "its layers share weights"),
    "an adapter": (
        {"peft_type": "LORA", "base_model_name_or_path": "me/base"},
        "import the config.json of its base model, me/base",
    ),
    "a field that looks like a size": (
        {**LLAMA, "num_memory_tokens": 16},
        "not a field of model_type llama, and it looks like a shape; write ignore=[num_memory_tokens] where",
    ),
    "a core size left out": (
        {key: value for key, value in LLAMA.items() if key != "hidden_size"},
        "hidden_size: is missing beside other sizes; write it too (the default of model_type llama is 4096)",
    ),
    "two sizes that differ": (
        {**LLAMA, "n_layer": 3},
        "n_layer: found 3, but the other fields say 2; write ignore=[n_layer]",
    ),
    "a feature of other classes": (
        {**LLAMA, "use_qk_norm": True},
        "model_type llama has no such feature; write ignore=[use_qk_norm] where it changes none",
    ),
    "a size inside a mapping": ({**LLAMA, "memory": {"num_slots": 4}}, "memory: not a field of model_type llama"),
    "a model_type of another type": ({**LLAMA, "model_type": 3}, "model_type: 3 is not known"),
    "an unknown field": ({**LLAMA, "n_routed_expert": 8}, "n_routed_expert: not a field of model_type llama"),
    "a misspelt field": ({**LLAMA, "hiden_size": 8}, "did you mean hidden_size?"),
    "a text for a number": ({**LLAMA, "hidden_size": "64"}, "hidden_size: found '64'; write a whole number"),
    "half a feature": ({**LLAMA, "hidden_size": 64.5}, "hidden_size: found 64.5"),
    "true for a number": ({**LLAMA, "hidden_size": True}, "hidden_size: found true"),
    "not a number": ('{"model_type": "llama", "hidden_size": NaN}', "hidden_size: found nan"),
    "a negative size": ({**LLAMA, "hidden_size": -64}, "hidden_size: found -64"),
    "no layers": ({**LLAMA, "num_hidden_layers": 0}, "num_hidden_layers: found 0"),
    "a million layers": ({**LLAMA, "num_hidden_layers": 10**6}, "write 10000 or fewer"),
    "heads that do not divide": ({**LLAMA, "num_attention_heads": 7}, "7 heads do not divide hidden_size 64"),
    "shared heads": ({**LLAMA, "num_key_value_heads": 3}, "num_key_value_heads: 3 does not divide the 4"),
    "an unknown activation": ({**LLAMA, "hidden_act": "sillu"}, "did you mean silu?"),
    "an unknown rotation": ({**LLAMA, "rope_scaling": {"type": "yarm", "factor": 2}}, "did you mean yarn?"),
    "one list of LongRoPE": (
        {**LLAMA, "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1]}},
        "short_factor has 2 numbers and long_factor 0; write as many in each",
    ),
    "factors of other heads": (
        {**LLAMA, "rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]}},
        "short_factors has length 1, and heads of 16 have 8 pairs of rotated dimensions; write 8 in each list",
    ),
    "a factor of nought": (
        {**LLAMA, "rope_scaling": {"type": "longrope", "short_factor": [1.0, 0], "long_factor": [1.0, 2.0]}},
        "short_factor has [1.0, 0]; write a list of numbers above 0",
    ),
    "norms below nought": ({**LLAMA, "rms_norm_eps": -1e-6}, "rms_norm_eps: found -1e-06; write a number of 0 or more"),
    "another class": ({**LLAMA, "architectures": ["MistralForCausalLM"]}, "is no class of llama"),
    "more experts than there are": (
        {"model_type": "mixtral", "num_experts_per_tok": 9},
        "num_experts_per_tok: 9 of 8 experts; write 8 or less",
    ),
    "a size that the class has no default for": ({"model_type": "internlm2"}, "is missing"),
}


@pytest.mark.parametrize(
    ("fields", "epsilon"),
    [
        ({"rms_norm_eps": 1e-5}, 1e-5),
        ({"layer_norm_eps": 1e-5}, 1e-6),  # another class's word, where this one has its own default
        ({"model_type": "gpt2", "layer_norm_epsilon": 1e-3}, 1e-3),
        ({**LLAMA, "model_type": "baichuan", "rms_norm_eps": 1e-4}, 1e-4),  # code of its own, no default
        ({"model_type": "opt"}, None),  # the class has no word for it
    ],
)
def test_what_norms_add_below_the_root(fields: dict[str, Any], epsilon: float | None) -> None:
    assert import_config({"model_type": "llama", **fields}).architecture.norm_epsilon == epsilon


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(mistake: str, tmp_path: Path) -> None:
    fields, advice = MISTAKES[mistake]
    if fields is not None:
        put(tmp_path, fields)
    with pytest.raises(LehrError) as raised:
        read_config(tmp_path / "config.json")
    assert advice in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1
    assert "config.json" in str(raised.value)


@pytest.mark.parametrize(
    "more",
    [
        {"attn_of_another_class": None, "num_memory_tokens": 0, "use_memory": False, "memory_blocks": [], "tag": ""},
        {"padded_vocab_size": 100, "n_layer": 2, "n_embd": 64, "d_ff": 96, "n_kv_heads": 4, "head_dim": 16},
        {"hidden_act": "silu", "hidden_activation": "swish", "activation_function": "silu"},
        {"n_positions": 2048, "max_sequence_length": 2048},
    ],
    ids=["switched off", "sizes again", "the activation again", "the context again"],
)
def test_what_says_nothing_new_passes_in_silence(more: dict[str, Any]) -> None:
    plain, found = import_config(LLAMA), import_config({**LLAMA, **more})
    assert found.architecture == plain.architecture
    assert found.notes == plain.notes == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interpolate_factor", 1),
        ("pad_key_length", True),
        ("params_dtype", "torch.bfloat16"),
        ("zzz", {"a": 1}),
        ("activation_function", "gelu"),
        ("n_positions", 128),
        ("sliding_window", 4096),
        ("norm_type", "rms"),
    ],
)
def test_what_looks_like_no_shape_passes_with_a_note(name: str, value: Any) -> None:
    plain, found = import_config(LLAMA), import_config({**LLAMA, name: value})
    assert found.architecture == plain.architecture
    assert found.notes == [f"not fields of model_type llama, and they look like no shape; passed over: {name}"]


@pytest.mark.parametrize(
    "name",
    ["num_x", "x_size", "x_dim", "n_experts_x", "low_rank_x", "extra_layers_x", "x_bias", "tie_x", "x_norm", "n_x"],
)
def test_what_looks_like_a_shape_is_refused_unless_it_is_to_be_ignored(name: str) -> None:
    value: Any = True if name.startswith("tie") or name.endswith(("bias", "norm")) else 7
    with pytest.raises(LehrError, match=rf"ignore=\[{name}\]"):
        import_config({**LLAMA, name: value})
    found = import_config({**LLAMA, name: value}, ignore=[name])
    assert found.architecture == import_config(LLAMA).architecture
    assert any(name in note for note in found.notes)


def test_only_what_nobody_reads_can_be_ignored() -> None:
    with pytest.raises(LehrError, match="hidden_size: is read by model_type llama"):
        import_config(LLAMA, ignore=["hidden_size"])
    with pytest.raises(LehrError, match="ignore: there is no field num_x"):
        import_config(LLAMA, ignore=["num_x"])


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("two_names_of_one_activation", 134_208),
        ("phi3_with_interpolation", 133_696),
        ("gpt_bigcode_runner_keys", 193_536),
        ("qwen1_padded_vocab", 161_088),
        ("recurrent_with_context", 203_968),
    ],
)
def test_files_as_people_have_them(name: str, parameters: int) -> None:
    found = read_config(data_file(f"../cases/configs/{name}.json"))
    assert count_parameters(found.architecture).total == parameters
    assert found.context_assumed is False


@pytest.mark.parametrize(
    ("name", "n_tokens", "values"),
    [
        ("state_windowed", 8_192, 102_236_160),
        ("state_windowed", 131_072, 1_612_185_600),
        ("state_mamba1", 8_192, 48 * 4_096 * (16 + 3)),
        ("state_mamba1", 131_072, 48 * 4_096 * (16 + 3)),
    ],
)
def test_what_generation_remembers_by_files_as_people_have_them(name: str, n_tokens: int, values: int) -> None:
    found = read_config(data_file(f"../cases/configs/{name}.json"))
    assert decoding_state(found.architecture, n_tokens).total == values


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("unknown_structural_key", r"num_memory_tokens: .*ignore=\[num_memory_tokens\]"),
        ("width_missing", "hidden_size: is missing beside other sizes"),
    ],
)
def test_files_that_are_refused(name: str, advice: str) -> None:
    with pytest.raises(LehrError, match=advice):
        read_config(data_file(f"../cases/configs/{name}.json"))


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["name=mine"], "write path=config.json"),
        (["path=config.json"], "write name=my_model"),
        (["path=config.json", "name=../mine"], "cannot name a file"),
        (["path=config.json", "name=mine", f"out={ROOT / 'conf'}"], "the catalogue itself"),
        (["path=config.json", "name=mine", "out=config.json"], "cannot be"),
        (["path=nowhere.json", "name=mine"], "nowhere.json: cannot be read"),
        (["path=config.json", "nam=mine"], "did you mean name?"),
    ],
)
def test_a_mistake_on_the_command_line_writes_nothing(arguments: list[str], advice: str, tmp_path: Path) -> None:
    put(tmp_path, LLAMA)
    done = lehr("import", *arguments, folder=tmp_path)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert advice in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


def test_a_file_that_says_something_else_stays(tmp_path: Path) -> None:
    first, second = import_config(LLAMA), import_config({**LLAMA, "num_hidden_layers": 3})
    path = write_model("mine", first, tmp_path, "config.json")
    before = path.read_bytes()
    assert write_model("mine", first, tmp_path, "config.json") == path
    with pytest.raises(LehrError, match="stands there already; write another name, or overwrite=true"):
        write_model("mine", second, tmp_path, "config.json")
    assert path.read_bytes() == before
    write_model("mine", second, tmp_path, "config.json", overwrite=True)
    assert Catalogue([tmp_path]).model("mine").shape().n_layers == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_an_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(LehrError, match="write another folder with out="):
        write_model("mine", import_config(LLAMA), tmp_path / "out", "config.json")


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.integers(), st.floats(), st.text(max_size=6), st.just([])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
FIELDS = sorted(
    {name for model_type in CLASSES for name in defaults(model_type)} | {"rope_scaling", "layer_types", "text_config"}
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(
    model_type=st.sampled_from(sorted(CLASSES)),
    changed=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4),
    other=st.dictionaries(st.text(max_size=8), VALUES, max_size=1),
)
def test_whatever_the_file_says_there_is_one_line_or_a_count(
    model_type: str, changed: dict[str, Any], other: dict[str, Any]
) -> None:
    own = {name: value for name, value in changed.items() if name in defaults(model_type)} if not other else changed
    found = imported({**other, **own, "model_type": model_type})
    assert found is None or count_parameters(found.architecture).total > 0


@settings(max_examples=100, deadline=None)
@given(fields=VALUES)
def test_whatever_json_there_is(fields: Any) -> None:
    with pytest.raises(LehrError):
        import_config(fields if isinstance(fields, dict) else {"text_config": fields})


def test_every_type_that_is_read_is_listed(tmp_path: Path) -> None:
    done = lehr("import", "list", "format=json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {row["model_type"] for row in found["read"]} == set(CLASSES)
    assert all(row["family"] and row["says"] for row in found["read"])
    assert {row["read_as"] for row in found["inside"]} <= set(CLASSES)
    assert not {row["model_type"] for row in found["not_described"]} & set(CLASSES)


def test_tensors_that_cannot_be_read_leave_nothing_written(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    done = lehr("import", "path=config.json", "name=mine", "stored=nowhere.gguf", folder=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]

"""Totals of the catalogue beside those of transformers, which builds each network on the meta device.

The configuration is made from our own fields by ``transformers_networks``, which knows the names of theirs; it sees no
checkpoint. What transformers does not implement is listed with the reason.
"""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.counting import count_parameters
from tests.independent.transformers_networks import build

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

MODELS = Catalogue().models()

NOT_IN_TRANSFORMERS = {
    "RWKV-5": "no class", "RWKV-6": "no class", "RWKV-7": "no class; flash-linear-attention has it",
    "RetNet": "no class; flash-linear-attention has it", "Hyena": "no class; safari has it",
    "DeltaNet": "no class; flash-linear-attention has it", "Gated DeltaNet": "no class; the authors' lit_gpt has it",
    "CodeSage": "the checkpoint brings its own class", "Kimi-K3": "the checkpoint brings its own class",
    "Mistral-Large": "its config.json was not read: the sizes are those of its params.json, whose class is vLLM's",
    "PaLM": "no class", "AlphaCode": "no class", "Grok": "no class",
    "GLM": "no class; SwissArmyTransformer has GLM-130B",
    "mT5": "the class ties the head in every case; the 580M that are printed have one of its own",
}  # fmt: skip
"""Families that cannot be built, with the reason."""

READ_BY_IMPORT = {
    "A.X", "Apertus", "DeepSeek-V4", "Gemma 4", "GLM-4.7", "GLM-5", "gpt-oss", "Granite", "Hunyuan", "IQuest-Coder",
    "Jais", "K-EXAONE", "KAT-Coder", "Kolibri", "Laguna", "LFM2.5", "Ling", "Mellum", "MiMo-V2", "MiniCPM5",
    "MiniMax-M3", "Ministral-3", "Mistral Small", "Muse", "Nemotron 3", "Nemotron 3.5", "North", "OLMo", "Qwen3.5",
    "Qwen3.6", "Qwen3.8", "Sarvam", "Seed-Coder", "Solar", "Step", "Trinity", "Youtu-LLM", "dots",
}  # fmt: skip
"""Families whose files were written by the importer: ``test_import`` holds its reader of their class against the class,
and the catalogue holds each total against a stored or published one."""

CLASSES = {
    # family, or name where one family has several: the class
    "LLaMA-1": "Llama", "Llama-2": "Llama", "Llama-3": "Llama", "Llama-3.1": "Llama", "Code Llama": "Llama",
    "DeepSeek-Coder": "Llama", "Yi-Coder": "Llama", "OpenCoder": "Llama", "LLaDA": "Llama",
    "Yi": "Llama", "granite_3b_code_base_128k": "Llama", "granite_8b_code_base_128k": "Llama",
    "granite_3b_code": "Llama", "granite_8b_code": "Llama", "granite_20b_code": "GPTBigCode",
    "granite_34b_code": "GPTBigCode", "SantaCoder": "GPTBigCode", "StarCoder": "GPTBigCode",
    "StarCoder2": "Starcoder2", "CodeParrot": "GPT2", "CodeGPT": "GPT2", "GPT-2": "GPT2", "GPT-3": "GPT2",
    "InstructGPT": "GPT2",
    "GPT-Neo": "GPTNeo", "Pythia": "GPTNeoX", "PanGu-Coder2": "GPTBigCode",
    "Mistral": "Mistral", "Codestral": "Mistral", "Devstral": "Mistral", "codexembed_7b": "Mistral",
    "Mixtral": "Mixtral",
    "CodeQwen1.5": "Qwen2", "Qwen2.5-Math": "Qwen2", "Qwen2.5": "Qwen2", "Qwen2.5-Coder": "Qwen2",
    "kat_dev_72b_exp": "Qwen2", "DeepCoder": "Qwen2",
    "Skywork-SWE": "Qwen2", "DiffuCoder": "Qwen2", "Nomic Embed Code": "Qwen2", "BGE-Code": "Qwen2",
    "codefuse_cge_large": "Qwen2", "codefuse_cge_small": "Phi3", "Phi-3.5": "Phi3",
    "deepseek_r1_distill_qwen_1_5b": "Qwen2", "deepseek_r1_distill_qwen_14b": "Qwen2",
    "Qwen3": "Qwen3", "kat_dev_32b": "Qwen3", "DeepSWE": "Qwen3",
    "Qwen3 MoE": "Qwen3Moe", "Qwen3-Coder": "Qwen3Moe", "Qwen1.5-MoE": "Qwen2Moe", "Qwen2-MoE": "Qwen2Moe",
    "Qwen3-Next": "Qwen3Next",
    "DeepSeek-V2": "DeepseekV2", "DeepSeek-Coder-V2": "DeepseekV2", "DeepSeek-V3": "DeepseekV3",
    "DeepSeek-R1": "DeepseekV3", "DeepSeek-V3.1": "DeepseekV3", "Kimi-K2": "DeepseekV3",
    "DeepSeek-V3.2": "DeepseekV32", "deepseek_v3_2": "DeepseekV32",
    "GLM-4": "Glm", "GLM-4.5": "Glm4Moe", "GLM-4.6": "Glm4Moe", "LLaMA-4": "Llama4Text",
    "MiniMax-M1": "MiniMax", "MiniMax-01": "MiniMax", "MiniMax-M2": "MiniMaxM2",
    "Gemma": "Gemma", "Gemma 2": "Gemma2", "CodeGemma": "Gemma", "codexembed_2b": "Gemma2", "codexembed_400m": "Gte",
    "Mamba": "Mamba", "Jamba": "Jamba", "RWKV-4": "Rwkv",
    "RoBERTa": "Roberta", "CodeBERT": "Roberta", "GraphCodeBERT": "Roberta", "ERNIE-Code": "MT5", "CodeT5": "T5",
    "codet5p_220m": "T5", "codet5p_770m": "T5",
    "CodeGen": "CodeGen", "codet5p_2b": "CodeGen", "codet5p_6b": "CodeGen", "codet5p_16b": "CodeGen",
}  # fmt: skip


def class_of(model: Model) -> str | None:
    return CLASSES.get(model.name) or CLASSES.get(model.family)


def test_every_model_is_built_or_excused() -> None:
    for model in MODELS.values():
        if model.architecture is not None:
            excused = {*NOT_IN_TRANSFORMERS, *READ_BY_IMPORT}
            assert (class_of(model) is None) == (model.family in excused), model.name


@pytest.mark.parametrize("name", [m.name for m in MODELS.values() if m.architecture is not None and class_of(m)])
def test_total_equals_that_of_transformers(name: str) -> None:
    model = MODELS[name]
    built = build(class_of(model) or "", model.shape())
    ours = count_parameters(model.shape())
    # what transformers trains: a tied head is the same object as the table and counted once
    theirs = sum(p.numel() for p in {id(p): p for part in built for p in part.parameters()}.values())
    assert theirs == ours.total


@pytest.mark.parametrize("name", ["llama_4_scout", "llama_4_maverick"])
def test_the_vision_tower_of_llama_4(name: str) -> None:
    """Dimensions of MaxText's llama4-17b-16e.yml; what the tower returns is 4,096 wide, the text model 5,120."""
    from transformers.models.llama4 import modeling_llama4 as llama4

    vision = transformers.Llama4VisionConfig(
        hidden_size=1408, intermediate_size=5632, num_hidden_layers=34, num_attention_heads=16, patch_size=14,
        image_size=336, vision_output_dim=4096, projector_input_dim=4096, projector_output_dim=4096,
    )  # fmt: skip
    config = transformers.Llama4Config(vision_config=vision)
    with torch.device("meta"):
        parts = [llama4.Llama4VisionModel(vision), llama4.Llama4MultiModalProjector(config)]
    theirs = sum(p.numel() for part in parts for p in part.parameters())
    assert theirs == count_parameters(MODELS[name].shape()).extras["vision_tower"]

"""The hub's own totals of a hundred checkpoints, to the last stored value.

Each figure is the checkpoint's safetensors total. Ours is what is trained, the buffers, and the named extras together;
what is stored beside the trained weights is named next to the total.
"""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.counting import count_parameters

CATALOGUE = Catalogue()

STORED: dict[str, tuple[int, list[str]]] = {
    # checkpoint: safetensors total, names of what is stored beside the trained weights
    "llama_7b": (6_738_417_664, ["rotary_buffers"]),
    "llama_13b": (13_015_866_880, ["rotary_buffers"]),
    "llama_33b": (32_528_947_456, ["rotary_buffers"]),
    "llama_65b": (65_285_665_792, ["rotary_buffers"]),
    "llama_2_7b": (6_738_417_664, ["rotary_buffers"]),
    "llama_2_13b": (13_015_866_880, ["rotary_buffers"]),
    "llama_2_70b": (68_976_653_312, ["rotary_buffers"]),
    "llama_3_8b": (8_030_261_248, []),
    "llama_3_70b": (70_553_706_496, []),
    "llama_3_1_8b": (8_030_261_248, []),
    "llama_3_1_70b": (70_553_706_496, []),
    "llama_3_1_405b": (405_853_388_800, []),
    "mistral_7b_v0_1": (7_241_732_096, []),
    "mixtral_8x7b": (46_702_792_704, []),
    "mixtral_8x22b_v0_1": (140_620_634_112, []),
    "mixtral_8x22b_instruct": (140_630_071_296, []),
    "qwen2_5_coder_0_5b": (494_032_768, []),
    "qwen2_5_coder_1_5b": (1_543_714_304, []),
    "qwen2_5_coder_3b": (3_085_938_688, []),
    "qwen2_5_coder_7b": (7_615_616_512, []),
    "qwen2_5_coder_14b": (14_770_033_664, []),
    "qwen2_5_coder_32b": (32_763_876_352, []),
    "qwen2_5_72b": (72_706_203_648, []),
    "qwen3_8b": (8_190_735_360, []),
    "qwen3_14b": (14_768_307_200, []),
    "qwen3_32b": (32_762_123_264, []),
    "qwen3_30b_a3b": (30_532_122_624, []),
    "qwen3_235b_a22b": (235_093_634_560, []),
    "qwen3_coder_30b_a3b": (30_532_122_624, []),
    "qwen3_coder_480b_a35b": (480_154_875_392, []),
    "qwen1_5_moe_a2_7b": (14_315_784_192, []),
    "qwen2_57b_a14b": (57_408_658_944, []),
    "qwen3_next_80b_a3b": (81_324_862_720, ["mtp"]),
    "deepseek_v2": (235_741_434_880, []),
    "deepseek_v2_lite": (15_706_484_224, []),
    "deepseek_v3": (
        684_531_386_000,
        ["buffers", "fp8_scales", "mtp", "mtp_buffers", "mtp_fp8_scales", "mtp_stored_tables"],
    ),
    "deepseek_v3_2_exp": (
        685_396_921_376,
        ["buffers", "fp8_scales", "mtp", "mtp_buffers", "mtp_fp8_scales", "mtp_stored_tables"],
    ),
    "deepseek_coder_1_3b": (1_346_471_936, []),
    "deepseek_coder_6_7b": (6_740_512_768, []),
    "deepseek_coder_33b": (33_342_991_360, []),
    "kimi_k2": (1_026_470_731_056, ["buffers", "fp8_scales", "rotary_buffers"]),
    "kimi_k2_instruct": (1_026_470_731_056, ["buffers", "fp8_scales", "rotary_buffers"]),
    "glm_4_5": (358_337_791_296, ["buffers", "mtp", "mtp_buffers", "mtp_stored_tables"]),
    "glm_4_6": (356_785_898_816, ["buffers", "mtp", "mtp_buffers"]),
    "glm_4_5_air": (110_468_824_832, ["buffers", "mtp", "mtp_buffers", "mtp_stored_tables"]),
    "llama_4_scout": (108_641_793_536, ["vision_tower"]),
    "llama_4_maverick": (401_583_781_376, ["vision_tower"]),
    "mamba_130m": (129_135_360, []),
    "mamba_370m": (371_516_416, []),
    "mamba_790m": (793_204_224, []),
    "mamba_1_4b": (1_372_178_432, []),
    "mamba_2_8b": (2_768_345_600, []),
    "jamba_v0_1": (51_570_323_328, []),
    "jamba_1_5_large": (398_555_145_696, []),
    "santacoder": (1_124_886_528, []),
    "starcoder": (15_819_446_272, ["stored_head"]),
    "starcoderbase_1b": (1_137_207_296, []),
    "starcoder2_3b": (3_030_371_328, []),
    "starcoder2_7b": (7_173_923_840, []),
    "starcoder2_15b": (15_957_889_024, []),
    "codellama_7b": (6_738_546_688, []),
    "codellama_13b": (13_016_028_160, []),
    "codellama_34b": (33_743_970_304, []),
    "codellama_70b": (68_976_910_336, []),
    "granite_3b_code": (3_482_503_680, []),
    "granite_8b_code": (8_054_910_976, []),
    "granite_20b_code": (20_066_993_152, []),
    "granite_34b_code": (33_715_603_456, []),
    "codestral_22b": (22_247_282_688, []),
    "yi_coder_9b": (8_829_407_232, []),
    "opencoder_1_5b": (1_905_650_960, ["rotary_buffers"]),
    "opencoder_8b": (7_771_262_976, []),
    "codegemma_2b": (2_506_172_416, []),
    "codegemma_7b": (8_537_680_896, []),
    "codebert": (124_645_632, []),
    "codet5_base": (222_882_048, []),
    "codet5p_220m": (222_882_048, []),
    "minimax_m1": (456_089_655_296, []),
    "minimax_m2": (228_703_644_928, ["buffers", "fp8_scales"]),
    "devstral_small_2505": (23_572_403_200, []),
    "kat_dev_32b": (32_762_123_264, []),
    "kat_dev_72b_exp": (72_706_203_648, []),
    "deepswe_preview": (32_762_123_264, []),
    "deepcoder_14b": (14_770_033_664, []),
    "deepcoder_1_5b": (1_777_088_000, []),
    "skywork_swe_32b": (32_763_876_352, []),
    "diffucoder_7b": (7_615_616_512, []),
    "llada_8b": (8_015_581_184, []),
    "deepseek_r1": (
        684_531_386_000,
        ["buffers", "fp8_scales", "mtp", "mtp_buffers", "mtp_fp8_scales", "mtp_stored_tables"],
    ),
    "deepseek_v3_1": (
        684_531_386_000,
        ["buffers", "fp8_scales", "mtp", "mtp_buffers", "mtp_fp8_scales", "mtp_stored_tables"],
    ),
    "deepseek_coder_v2": (235_741_434_880, []),
    "deepseek_coder_v2_lite": (15_706_484_224, []),
    "minimax_text_01": (456_089_655_296, []),
    "glm_4_9b": (9_399_951_360, []),
    "rwkv_7_goose_0_1b": (191_034_624, []),
    "rwkv_7_goose_0_4b": (450_767_872, []),
    "rwkv_7_goose_2_9b": (2_947_735_040, []),
    "retnet_1_3b": (1_351_727_104, []),
    "deltanet_1_3b": (1_365_677_056, []),
    "codexembed_400m": (434_139_136, []),
}


@pytest.mark.parametrize("name", STORED)
def test_stored_total(name: str) -> None:
    stored, beside = STORED[name]
    count = count_parameters(CATALOGUE.model(name).shape())
    named = {**count.extras, **({"buffers": count.buffers} if count.buffers else {})}
    assert sorted(named) == beside
    assert count.total + sum(named.values()) == stored


def test_minimax_m2_without_its_scales() -> None:
    """The hub also gives the total without the scales of the FP8 blocks."""
    count = count_parameters(CATALOGUE.model("minimax_m2").shape())
    assert count.total + count.buffers == 228_689_764_864

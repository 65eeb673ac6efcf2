"""The ``config.json`` of an export: transformers builds the network that was counted from it, every catalogued one that
it has a class for."""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.exporting.hub_config import ORDER, OWN_CODE, WITHIN, config_of
from lehr.recipes.importing.hugging_face.registry import CLASSES
from lehr.simulators.counting import count_parameters

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers.models.auto import modeling_auto as auto  # noqa: E402
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES  # noqa: E402

MODELS = {name: model for name, model in Catalogue().models().items() if model.architecture is not None}
CONFIGS = {name: config_of(model.shape()) for name, model in sorted(MODELS.items())}
SAID = [name for name, config in CONFIGS.items() if config is not None]

NOT_SAID = {
    "no class": "alphacode_1b alphacode_300m alphacode_3b alphacode_41b alphacode_9b glm_130b grok_1 grok_2",
    "the checkpoint brings its own class": "codesage_base codesage_large codesage_small codet5p_16b codet5p_2b "
    "codet5p_6b codefuse_cge_large codefuse_cge_small diffucoder_7b llada_8b kimi_k3 solar_open_2_250b",
    "other libraries have it": "deltanet_1_3b gated_deltanet_1_3b hyena_153m hyena_1_3b hyena_355m retnet_1_3b "
    "retnet_2_7b retnet_6_7b rwkv_5_eagle_0_4b rwkv_5_eagle_1_5b rwkv_5_eagle_3b rwkv_5_eagle_7b rwkv_6_finch_14b "
    "rwkv_6_finch_1_6b rwkv_6_finch_3b rwkv_6_finch_7b rwkv_7_goose_0_1b rwkv_7_goose_0_4b rwkv_7_goose_1_5b "
    "rwkv_7_goose_2_9b rwkv_7_pile_0_1b rwkv_7_pile_0_4b rwkv_7_pile_1_5b",
    "only within a network that sees or hears": "muse_glimmer_30b step_3_5_flash step_3_7_flash",
    "the class ties the tables, the network does not": "mt5_base",
    "the class has twice the key-value heads where there is a window, whatever the file says": "mimo_v2_5_pro",
}  # fmt: skip
"""What is not said, and why; of the last reason transformers has a class, which is not the network's."""


def test_every_network_is_said_or_excused() -> None:
    print(f"{len(SAID)} of {len(MODELS)} networks of the catalogue as a config.json of transformers")
    assert {*MODELS} - {*SAID} == {name for names in NOT_SAID.values() for name in names.split()}


def test_the_types_that_transformers_has_not_alone() -> None:
    assert {kind for kind in CLASSES if kind not in CONFIG_MAPPING_NAMES} == OWN_CODE
    heads = (
        auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    )  # fmt: skip
    assert {kind for kind in CLASSES if not any(kind in table for table in heads)} - OWN_CODE == WITHIN
    assert len(ORDER) == len({*ORDER}) == len(CLASSES) - len(OWN_CODE) - len(WITHIN)


@pytest.mark.parametrize("name", SAID)
def test_transformers_builds_what_is_counted(name: str) -> None:
    fields = CONFIGS[name]
    assert fields is not None
    config = transformers.AutoConfig.for_model(**fields)
    with torch.device("meta"):
        network = getattr(transformers, fields["architectures"][0])(config)
    # a module for multi-token prediction is in the file, and not in the class; what is not trained are corrections of a
    # router
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    assert trained == count_parameters(MODELS[name].shape()).total

"""The survey's tables, typed in cell by cell: each cell has one verdict for each entry that it concerns, none fails."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.checking import check_dataset, check_model, check_recipe
from lehr.recipes.projecting.model import project_by_name
from lehr.simulators.evidence import Comparison

CATALOGUE = Catalogue()
SURVEY = "survey_code_llms"

# row of Table 2: {column: {printed: entries}}; a cell with several figures has one line for each
CODE_LLAMA = ["codellama_7b", "codellama_13b", "codellama_34b"]
STARCODER2 = ["starcoder2_3b", "starcoder2_7b", "starcoder2_15b"]
QWEN2_5 = ["qwen2_5_coder_7b", "qwen2_5_coder_32b"]
QWEN3 = ["qwen3_coder_30b_a3b", "qwen3_coder_480b_a35b"]
DEEPSEEK = ["deepseek_coder_1_3b", "deepseek_coder_6_7b", "deepseek_coder_33b"]
DEEPSEEK_V2 = ["deepseek_coder_v2_lite", "deepseek_coder_v2"]
GRANITE = ["granite_3b_code", "granite_8b_code", "granite_20b_code", "granite_34b_code"]
YI, OPENCODER = ["yi_coder_1_5b", "yi_coder_9b"], ["opencoder_1_5b", "opencoder_8b"]


def each(printed: list[str], names: list[str]) -> dict[str, list[str]]:
    return {figure: [name] for figure, name in zip(printed, names, strict=True)}


TABLE_2: dict[str, dict[str, dict[str, list[str]]]] = {
    "StarCoder": {
        "parameters.total": {"15B": ["starcoder"]},
        "context_length": {"8K": ["starcoder"]},
        "attention": {"MQA": ["starcoder"]},
    },
    "StarCoder2": {
        "parameters.total": each(["3B", "7B", "15B"], STARCODER2),
        "context_length": {"16K": STARCODER2},
        "attention": {"GQA": STARCODER2},
        "languages": {"600+": STARCODER2},
    },
    "Code Llama": {
        "parameters.total": each(["7B", "13B", "34B"], CODE_LLAMA),
        "context_length": {"16K": CODE_LLAMA, "100K": CODE_LLAMA},
        "attention": {"GQA": CODE_LLAMA},
    },
    "Qwen2.5-Coder": {
        "parameters.total": each(["7B", "32B"], QWEN2_5),
        "context_length": {"131K": QWEN2_5},
        "attention": {"GQA": QWEN2_5},
        "languages": {"92": QWEN2_5},
    },
    "Qwen3-Coder": {
        "parameters.total": each(["30B", "480B"], QWEN3),
        "context_length": {"262K": QWEN3, "1M": QWEN3},
        "attention": {"GQA": QWEN3},
        "parameters.active": each(["3.3B", "35B"], QWEN3),
    },
    "DeepSeek-Coder": {
        "parameters.total": {"1.3B": ["deepseek_coder_1_3b"], "33B": ["deepseek_coder_33b"]},
        "context_length": {"16K": DEEPSEEK},
        "attention": {"-": DEEPSEEK},
    },
    "DeepSeek-Coder V2": {
        "parameters.total": each(["16B", "236B"], DEEPSEEK_V2),
        "context_length": {"128K": DEEPSEEK_V2},
        "attention": {"MLA": DEEPSEEK_V2},
        "parameters.active": each(["2.4B", "21B"], DEEPSEEK_V2),
        "languages": {"338": DEEPSEEK_V2},
    },
    "Granite Code": {
        "parameters.total": {"3B": ["granite_3b_code"], "34B": ["granite_34b_code"]},
        "context_length": {"8K": GRANITE},
        "attention": {"GQA": GRANITE},
        "languages": {"116": GRANITE},
    },
    "Codestral": {
        "parameters.total": {"22B": ["codestral_22b"]},
        "context_length": {"32K": ["codestral_22b"]},
        "attention": {"GQA": ["codestral_22b"]},
        "languages": {"80+": ["codestral_22b"]},
    },
    "Yi-Coder": {
        "parameters.total": each(["1.5B", "9B"], YI),
        "context_length": {"128K": YI},
        "attention": {"GQA": YI},
        "languages": {"52": YI},
    },
    "OpenCoder": {
        "parameters.total": each(["1.5B", "8B"], OPENCODER),
        "context_length": each(["4K", "8K"], OPENCODER),
        "attention": {"GQA": OPENCODER},
    },
}

COLUMNS_3 = ["PT", "CPT", "ANN", "REPO_PT", "SFT", "RL", "REPO_SFT"]
# marks of Table 3 in the order of its columns: x a tick, . an empty cell, - a dash
TABLE_3 = {
    "SantaCoder": ("x...x..", ["santacoder"]),
    "StarCoder": ("x...x..", ["starcoder"]),
    "Code Llama": (".x..x..", [*CODE_LLAMA, "codellama_70b"]),
    "DeepSeek-Coder": ("x..xx..", DEEPSEEK),
    "Qwen2.5-Coder": (".x.xx..", [f"qwen2_5_coder_{size}" for size in ("0_5b", "1_5b", "3b", "7b", "14b", "32b")]),
    "DeepSeek-V3": (".x..xx.", ["deepseek_v3"]),
    "Qwen3-Coder": ("-xxxxxx", QWEN3),
}

TABLE_4 = {
    "The Stack v1": ("the_stack_v1", {"size_bytes": "2.9 TB", "languages": "358", "sources": "GitHub"}),
    "The Stack v2": (
        "the_stack_v2",
        {"size_bytes": "32.1 TB", "languages": "600+", "sources": "Software Heritage, GitHub", "stated.times_v1": "4"},
    ),
    "OpenCoder": ("refinecode", {"size_bytes": "3.3 TB", "languages": "13", "sources": "GitHub, cc, FineWeb"}),
    "StarCoderData": ("starcoderdata", {"size_bytes": "783 GB", "languages": "86", "sources": "The Stack v1.2"}),
    "The Pile": ("the_pile", {"size_bytes": "825 GB", "languages": "30+", "sources": "GitHub, Stack Exchange"}),
    "RedPajama": ("redpajama", {"size_bytes": "120 GB", "languages": "50+", "sources": "GitHub"}),
    "CodeParrot": (
        "codeparrot",
        {"size_bytes": "50 GB", "languages": "1", "sources": "GitHub", "stated.removed_percent": "70%"},
    ),
}

# figures of the running text: section, entry, quantity, printed
TEXT = [
    ("2.1.2", "llama_7b", "parameters.total", "7B"),
    ("2.1.2", "llama_2_70b", "parameters.total", "70B"),
    ("2.1.2", "mistral_7b_v0_1", "attention", "GQA"),
    ("2.1.2", "deepseek_v2", "parameters.total", "236B"),
    ("2.1.2", "deepseek_v2", "parameters.active", "~21B"),
    ("2.1.2", "deepseek_v2", "attention", "MLA"),
    ("2.1.2", "deepseek_v3", "parameters.total", "671B"),
    ("2.1.2", "deepseek_v3", "parameters.active", "~37B"),
    ("2.1.2", "deepseek_v3", "attention", "DeepSeek-MoE"),
    ("2.1.2", "deepseek_v3_2_exp", "attention", "MLA+DSA"),
    ("2.1.2", "deepseek_v3_2_exp", "kind", "hybrid"),
    ("2.1.2", "llama_4_scout", "kind", "MoE"),
    ("2.1.2", "llama_4_maverick", "kind", "MoE"),
    ("2.1.2", "qwen2_5_turbo", "open", "weights"),
    ("2.1.4", "veracode_2025", "stated.vulnerable_percent", "~45%"),
    ("2.2.1", "gemini_1_5_pro", "context_length", "1M"),
    ("2.2.1", "gemini_1_5_pro", "kind", "MoE"),
    ("2.2.1", "palm_540b", "stack", "decoder"),
    ("2.2.3", "ernie_code_560m", "stack", "encoder"),
    ("2.2.3", "ernie_code_560m", "stack", "encoder-decoder"),
    ("2.2.3", "codegpt_small_py", "parameters.total", "110M"),
    ("2.2.3", "codegpt_small_py", "parameters.total", "1.5B"),
    ("2.2.3", "santacoder", "attention", "MQA"),
    ("2.2.3", "starcoder", "parameters.total", "15B"),
    ("2.2.3", "qwen2_5_coder_32b", "parameters.total", "32B"),
    ("2.2.3", "qwen2_5_coder_32b", "context_length", "128K"),
    ("2.2.3", "deepseek_coder_v2", "parameters.total", "236B"),
    ("2.2.3", "deepseek_coder_v2", "parameters.active", "21B"),
    ("2.2.3", "qwen3_coder_480b_a35b", "parameters.total", "480B"),
    ("2.2.3", "qwen3_coder_480b_a35b", "parameters.active", "35B"),
    ("2.2.3", "kimi_k2_instruct", "parameters.total", "1e12"),
    ("2.2.3", "kimi_k2_instruct", "parameters.active", "3.2e10"),
    ("2.2.3", "deepcoder_14b", "stages", "repository-level RL"),
    ("2.2.3", "deepswe_preview", "stages", "RL"),
    ("2.2.3", "kat_dev_32b", "stated.swe_bench_verified", "62.4%"),
    ("2.2.3", "deepseek_v3", "parameters.total", "671B"),
    ("2.2.3", "deepseek_v3", "parameters.active", "37B"),
    ("2.2.3", "deepseek_v3", "attention", "Sparse Attention"),
    ("2.2.3", "deepseek_v3_1", "parameters.total", "671B"),
    ("2.2.3", "deepseek_v3_1", "parameters.active", "37B"),
    ("2.2.3", "deepseek_v3_1", "attention", "Sparse Attention"),
    ("2.2.3", "deepseek_v3_2_exp", "parameters.total", "671B"),
    ("2.2.3", "deepseek_v3_2_exp", "parameters.active", "37B"),
    ("2.2.3", "minimax_m1", "context_length", "1M"),
    ("2.2.3", "minimax_m1", "attention", "lightning attention"),
    ("2.2.3", "minimax_m2", "context_length", "1M"),
    ("2.2.3", "minimax_m2", "attention", "lightning attention"),
    ("2.2.4", "codesage_small", "parameters.total", "130M"),
    ("2.2.4", "codesage_large", "parameters.total", "1.3B"),
    ("2.2.4", "codesage_small", "languages", "9"),
    ("2.2.4", "codexembed_400m", "parameters.total", "400M"),
    ("2.2.4", "codexembed_2b", "parameters.total", "2B"),
    ("2.2.4", "codexembed_7b", "parameters.total", "7B"),
    ("2.2.4", "codexembed_2b", "stack", "encoder"),
    ("2.2.4", "codexembed_7b", "stack", "encoder"),
    ("2.2.4", "nomic_embed_code", "parameters.total", "7B"),
    ("2.2.4", "bge_code_v1", "parameters.total", "1.5B"),
    ("2.5.1", "the_stack_v1", "size_bytes", "3.1 TB"),
    ("2.5.1", "the_stack_v1", "languages", "358"),
    ("2.5.1", "the_stack_v1_2", "stated.deduplication_stages", "2"),
    ("2.5.1", "the_stack_v2", "tokens", "900B"),
    ("2.5.1", "the_stack_v2", "size_bytes", "32 TB"),
    ("2.5.1", "the_stack_v2", "languages", "600+"),
    ("2.5.2", "starcoderdata", "size_bytes", "783 GB"),
    ("2.5.2", "starcoderdata", "languages", "86"),
    ("2.5.3", "the_pile", "size_bytes", "825 GB"),
    ("2.5.3", "redpajama", "tokens", "59B"),
    ("2.5.3", "codeparrot", "stated.removed_percent", "~70%"),
    ("Conclusions", "deepseek_v3", "parameters.total", "671B"),
    ("Conclusions", "kimi_k2_instruct", "parameters.total", "671B"),
    ("Conclusions", "codet5_small", "parameters.total", "100M"),
]

CELLS = [
    *[
        ("Table 2", name, quantity, printed)
        for columns in TABLE_2.values()
        for quantity, figures in columns.items()
        for printed, names in figures.items()
        for name in names
    ],
    *[
        ("Table 4", name, quantity, printed)
        for name, columns in TABLE_4.values()
        for quantity, printed in columns.items()
    ],
    *TEXT,
]
TICKS = [
    (row, column, mark, name)
    for row, (marks, names) in TABLE_3.items()
    for column, mark in zip(COLUMNS_3, marks, strict=True)
    for name in names
]


def verdicts() -> list[Comparison]:
    """What the check says of the survey, of the entries that the survey concerns."""
    names = {name for _, name, _, _ in CELLS}
    rows = [row for name in names & set(CATALOGUE.files("model")) for row in check_model(CATALOGUE.model(name))]
    rows += [row for dataset in CATALOGUE.datasets().values() for row in check_dataset(dataset)]
    trained = names | {name for *_, name in TICKS}
    for name in sorted(trained & set(CATALOGUE.files("recipe"))):
        rows += check_recipe(*project_by_name(CATALOGUE, name))
    return [row for row in rows if row.source == SURVEY]


ROWS = verdicts()


@pytest.mark.parametrize("cell", CELLS, ids="-".join)
def test_a_cell_has_one_verdict(cell: tuple[str, str, str, str]) -> None:
    place, name, quantity, printed = cell
    of_cell = [
        row
        for row in ROWS
        if (row.subject, row.quantity, row.reported) == (name, quantity, printed) and place in row.place
    ]
    assert [row.verdict != "FAILS" for row in of_cell] == [True]


@pytest.mark.parametrize("tick", TICKS, ids="-".join)
def test_a_tick_is_in_one_verdict(tick: tuple[str, str, str, str]) -> None:
    _, column, mark, name = tick
    (row,) = [row for row in ROWS if (row.subject, row.quantity, row.place) == (name, "stages", "Table 3")]
    assert row.verdict != "FAILS"
    assert (column in row.reported.split(", ")) == (mark == "x")


def test_what_differs_says_why() -> None:
    assert all(row.cause for row in ROWS if row.verdict != "agrees")

"""A small mixture of experts and a small dense model, made up, to render reports of."""

from functools import cache
from typing import Any

import msgspec

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.recipe_files import AcceleratorFile, RecipeFile, decode_law
from lehr.recipes.report import ReportData, render
from lehr.simulators.evidence import Comparison, Source
from lehr.simulators.projection.project import Assumptions, project

ATTENTION = {
    "kind": "attention",
    "n_heads": 8,
    "n_kv_heads": 2,
    "d_head": 64,
    "position": {"kind": "rope", "base": 10000.0},
}
NORM = {"kind": "rms_norm"}
DENSE_BLOCK = {
    "mixer": ATTENTION,
    "mlp": {"kind": "mlp", "d_ff": 1536, "activation": "silu", "gated": True},
    "norm": NORM,
}
MOE_BLOCK = {
    "mixer": ATTENTION,
    "mlp": {"kind": "moe", "n_experts": 16, "top_k": 2, "d_ff_expert": 384, "activation": "silu", "gated": True},
    "norm": NORM,
}
PUBLISHED = {"origin": "published", "source": "paper", "place": "Table 1"}

MODEL: dict[str, Any] = {
    "name": "tiny_moe",
    "hf_id": "someone/Tiny-MoE",
    "family": "Tiny",
    "kind": "moe",
    "open": "weights",
    "architecture": {
        "d_model": 512,
        "context_length": 8192,
        "embedding": {"vocab_size": 32000, "tied": True},
        "blocks": {"dense": DENSE_BLOCK, "moe": MOE_BLOCK},
        "layers": [{"blocks": ["dense"], "repeat": 1}, {"blocks": ["moe"], "repeat": 7}],
        "final_norm": NORM,
    },
    "provenance": {
        "default": PUBLISHED,
        "exceptions": {
            "architecture.embedding": {"origin": "published", "source": "files", "place": "config.json"},
            "architecture.mtp": {"origin": "published", "source": "of_nothing_used", "place": "nowhere"},
        },
    },
}

RECIPE: dict[str, Any] = {
    "name": "tiny_moe",
    "model": "tiny_moe",
    "base": {"model": "tiny_base", "tokens": 100e9},
    "order": ["cpt", "long", "sft", "rl"],
    "stages": {
        "cpt": {
            "kind": "CPT",
            "objective": {"kind": "next_token", "fim": {"rate": 0.5, "formats": ["psm", "spm"]}},
            "tokens": 200e9,
            "sequence_length": 4096,
            "batch": {"sequences": 512, "ramp": {"kind": "linear", "start": 64, "tokens": 5e9}},
            "optimizer": {"kind": "adamw", "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "weight_decay": 0.1},
            "schedule": {"kind": "cosine", "peak": 3e-4, "floor": 3e-5, "warmup": {"steps": 2000}},
            "data": {"code": 0.8, "mathematics": 0.03, "natural_language_of_the_web": 0.05, "commits": 0.02},
            "hardware": {"accelerator": "fast", "count": 64, "precision": "bf16", "hours": 5000},
        },
        "long": {
            "kind": "REPO_PT",
            "objective": {"kind": "next_token"},
            "steps": 1000,
            "sequence_length": 8192,
            "batch": {"sequences": 128},
            "schedule": {"kind": "constant", "peak": 3e-5},
        },
        "sft": {
            "kind": "SFT",
            "objective": {"kind": "supervised"},
            "examples": 100000,
            "epochs": 2,
            "schedule": {"kind": "linear", "peak": 1e-5},
        },
        "rl": {"kind": "RL", "objective": {"kind": "policy_gradient", "method": "grpo", "group_size": 8}},
    },
    "provenance": {
        "default": PUBLISHED,
        "exceptions": {
            "stages.cpt.batch.ramp": {
                "origin": "assumed",
                "note": "a ramp is shown in a figure without numbers | see notes_2024",
            },
            "stages.cpt.hardware.hours": {
                "origin": "derived",
                "source": "paper",
                "place": "section 2",
                "note": "64 x 78 h",
            },
            "stages.long": {"origin": "published", "source": "appendix", "place": "section B"},
        },
        "not_published": {"stages.rl.batch": [{"source": "paper", "place": "all of it"}]},
    },
}

ACCELERATOR = {
    "name": "fast",
    "title": "A fast accelerator",
    "peak": {"bf16": 400e12, "fp8": 800e12},
    "prices": [{"usd_per_hour": 2.0, "date": "2025-01", "source": "price_list", "place": "row 3"}],
    "mfu": {"dense": {"low": 0.3, "central": 0.4, "high": 0.5}, "moe": {"low": 0.2, "central": 0.25, "high": 0.4}},
    "provenance": {
        "default": {"origin": "published", "source": "data_sheet", "place": "page 1"},
        "exceptions": {
            "peak.fp8": {"origin": "published", "source": "of_nothing_used", "place": "page 9"},
            "mfu": {"origin": "derived", "note": "quantiles over 5 models of throughput_2025"},
        },
    },
}

LAW = {
    "name": "law",
    "kind": "chinchilla",
    "title": "A law (Someone 2022)",
    "n_convention": "total",
    "loss_unit": "nats/token",
    "range": {"parameters": [1e6, 1e10], "tokens": [1e9, 2e11]},
    "E": 1.7,
    "A": 400.0,
    "B": 1000.0,
    "alpha": 0.34,
    "beta": 0.32,
    "provenance": {"default": {"origin": "published", "source": "law_paper", "place": "equation 3"}},
}

JOINT = {
    "name": "joint",
    "kind": "joint_moe",
    "title": "A law of mixtures (Someone 2023)",
    "n_convention": "active",
    "loss_unit": "nats/token",
    "range": {"parameters": [1e6, 1e10], "tokens": [1e9, 2e11], "experts": [1, 32]},
    "a": 36.0,
    "alpha": -0.19,
    "delta": -0.23,
    "gamma": 0.01,
    "b": 36.0,
    "beta": -0.18,
    "omega": 0.55,
    "zeta": -0.026,
    "c": 1.36,
    "E_start": 2.0,
    "E_max": 290.0,
    "provenance": {"default": {"origin": "published", "source": "moe_paper", "place": "Table 3"}},
}

CODE = {
    **LAW,
    "name": "code",
    "title": "A law of code (Someone 2024)",
    "corpus": "code",
    "loss_unit": "bits/char",
    "provenance": {"default": {"origin": "published", "source": "code_paper", "place": "equation 1"}},
}

SIGMOID = {
    "name": "sigmoid",
    "kind": "rl_sigmoid",
    "title": "A curve of rewards (Someone 2025)",
    "accelerator": "fast",
    "range": {"accelerator_hours": [1e3, 1e5]},
    "A": 0.6,
    "B": 2.0,
    "C_mid": 2500.0,
    "provenance": {"default": {"origin": "published", "source": "rl_paper", "place": "Table 1"}},
}

KEYS = [
    "paper",
    "files",
    "appendix",
    "price_list",
    "data_sheet",
    "law_paper",
    "moe_paper",
    "code_paper",
    "rl_paper",
    "survey",
    "throughput_2025",
    "notes_2024",
    "of_nothing_used",
]

SOURCES = {
    key: Source(title=f"Title of {key}", url=f"https://example.org/{key}", authors="Someone et al.", year=2024)
    for key in KEYS
}

COMPARISONS = [
    Comparison(
        subject="tiny_moe",
        quantity="parameters.total",
        reported="97M",
        projected=97_000_000,
        unit="parameters",
        rule="rounds; trained parameters",
        verdict="agrees",
        source="paper",
        place="abstract",
    ),
    Comparison(
        subject="tiny_moe.cpt",
        quantity="peak_rate",
        reported="3e-4",
        projected=3e-4,
        unit="",
        rule="rounds; stage",
        verdict="agrees",
        source="paper",
        place="Table 1",
    ),
    Comparison(
        subject="tiny_moe",
        quantity="stages",
        reported="PT, SFT",
        projected="CPT, REPO_PT, SFT, RL",
        unit="",
        rule="rounds",
        verdict="differs, known cause",
        source="survey",
        place="Table 3",
        cause="the survey counts <continued> training as PT",
    ),
]


def sparse(**changes: Any) -> ReportData:
    """The report on the mixture of experts; ``changes`` replace fields of its data."""
    return report(MODEL, RECIPE, **changes)


@cache
def rendered() -> dict[str, bytes]:
    """The files of the report on the mixture, with one value that the command line set."""
    return render(sparse(overridden=["recipe.stages.cpt.tokens"]))


def dense(**changes: Any) -> ReportData:
    """The report on a dense model with one stage of which little is published."""
    layers = [{"blocks": ["dense"], "repeat": 8}]
    architecture = {**MODEL["architecture"], "blocks": {"dense": DENSE_BLOCK}, "layers": layers}
    model = {**MODEL, "name": "tiny", "hf_id": None, "kind": "dense", "architecture": architecture}
    recipe = {
        "name": "tiny",
        "model": "tiny",
        "order": ["pt"],
        "stages": {"pt": {"kind": "PT", "objective": {"kind": "next_token"}, "tokens": 1e9}},
        "provenance": {"default": PUBLISHED},
    }
    return report(model, recipe, **{"comparisons": [], **changes})


def report(model: dict[str, Any], recipe: dict[str, Any], **changes: Any) -> ReportData:
    """The data of a report on plain data as a file has it."""
    decoded = decode(model, Model, "model")
    plan = decode(recipe, RecipeFile, "recipe")
    accelerators = {"fast": decode(ACCELERATOR, AcceleratorFile, "accelerator")}
    laws = [decode_law(LAW, "law")]
    projection = project(
        decoded.shape(), plan, laws=laws, accelerators=accelerators, assumptions=Assumptions(fallback="fast")
    )
    data = ReportData(
        model=decoded,
        recipe=plan,
        projection=projection,
        comparisons=COMPARISONS,
        laws=laws,
        sources=SOURCES,
        accelerators=accelerators,
        version="0",
        code_corpora={"the_stack_v1"},
        further_laws=[decode_law(law, "law") for law in (JOINT, CODE, SIGMOID)],
    )
    return msgspec.structs.replace(data, **changes)

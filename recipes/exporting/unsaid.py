"""What an export leaves to the trainer, named: settings that it has no word for, and what no recipe has one for."""

from __future__ import annotations

from lehr.recipes.exporting.balancing import mixes
from lehr.recipes.exporting.gaps import Gap
from lehr.recipes.exporting.llama_like import USUAL_EPSILON
from lehr.recipes.exporting.rates import RefusedError
from lehr.recipes.exporting.result import StageResult
from lehr.recipes.exporting.stage import Exported, ExportStage
from lehr.recipes.exporting.trainer import CORPUS, Network, Trainer
from lehr.simulators.objectives import NextToken, Supervised
from lehr.simulators.schedules import Curve, join

SETTINGS = ("beta1", "beta2", "epsilon", "momentum", "weight_decay", "grad_clip")
BALANCE = {
    "trl": "by the router_aux_loss_coef of config.json, else of its class",
    "ms_swift": "none; router_aux_loss_coef is its setting",
    "llama_factory": "none; moe_aux_loss_coef is its setting",
    "axolotl": "by config.json's output_router_logits, off in most classes",
}
"""How trainers keep the experts of a mixture in balance where they are told nothing: TRL 1.16's ``sft_trainer.py``,
ms-swift 4.6's ``trainers/arguments.py``, LLaMA-Factory 0.9.5's ``model_utils/moe.py``, the classes of transformers."""

ACROSS = "packed, each attending to those before it in its sequence"
APART = "packed, each attending to itself alone"
DOCUMENTS = {
    "trl": ACROSS, "llama_factory": ACROSS, "megatron": ACROSS, "olmo_core": ACROSS, "litgpt": ACROSS,
    "ms_swift": APART, "axolotl": APART, "torchtitan": f"{APART}, in the order of the files", "prime_rl": APART,
}  # fmt: skip
"""What becomes of documents that share a sequence of a corpus: TRL's strategy ``wrapped``, LLaMA-Factory without
``neat_packing``, Megatron-LM without ``--reset-attention-mask``, OLMo-core without lengths of documents, LitGPT;
flash attention by the documents' places in ms-swift, Axolotl and prime-rl, blocks of a mask in torchtitan, whose loader
does not shuffle."""
USUAL = "normal, 0.02 (transformers' class)"
FIRST_WEIGHTS = {
    "megatron": "normal, 0.02, those that end a layer over the root of twice the layers",
    "olmo_core": "normal, 0.02", "torchtitan": "truncated normal, narrower with depth",
    "litgpt": "normal, by width and depth (GPT-NeoX's)",
}  # fmt: skip
"""How trainers that build a network draw its first weights where they are told nothing; the others take the class's."""
LONG = {"trl": "cut", "llama_factory": "cut", "ms_swift": "left out", "axolotl": "left out", "prime_rl": "cut"}
"""What becomes of an example that is longer than a sequence."""
ALL_DECAY = ("olmo_core", "litgpt")
"""Trainers whose weight decay is of norms too; the others leave those and biases out."""


def earlier(before: StageResult, after: ExportStage) -> Curve | None:
    """The rates of the run that a stage goes on with, where it trains the same weights on a corpus by the same
    optimiser as the one before it: of all stages of which the trainer's count goes on."""
    stage = before.stage
    corpora = all(s.kind in CORPUS and isinstance(s.objective, NextToken) and s.adapter is None for s in (stage, after))
    if not corpora or stage.optimizer != after.optimizer:
        return None
    counted = stage.earlier if before.exported.counted_from else None
    return join({**({"earlier": counted} if counted else {}), stage.name: stage.curve})


def unsaid(trainer: Trainer, whole: ExportStage, network: Network, exported: Exported) -> list[Gap]:
    """What stands in no file of the stage. Raises ``RefusedError`` for sequences that no table of positions holds,
    and for a balance of experts that are not there."""
    told = {row.what for row in exported.said}
    stated = {name: getattr(whole.optimizer, name) for name in SETTINGS}
    found = [
        Gap(what=f"optimizer.{name}", value=f"{value:g}" if isinstance(value, float) else str(value), whose="unset")
        for name, value in stated.items()
        if value is not None and f"optimizer.{name}" not in told
    ]
    on_a_corpus = whole.kind in CORPUS and isinstance(whole.objective, NextToken)
    if on_a_corpus and whole.number > 1 and "moments" not in told:
        found.append(Gap(what="moments", value="of nought", whose="fresh"))
    architecture, balance = network.architecture, whole.balance
    if balance is not None and architecture is not None and not mixes(architecture):
        raise RefusedError("says a balance of experts, and its network has none; leave balance out")
    for name in ("auxiliary", "bias_rate") if balance is not None else ():
        if (value := getattr(balance, name)) and f"balance.{name}" not in told:
            found.append(Gap(what=f"balance.{name}", value=f"{value:g}", whose="unset"))
    found += [
        Gap(what=row.what, value=plain(row.value), whose="data")
        for row in exported.said
        # how often data are passed over follows from the updates
        if row.how == "not told" and row.where.startswith(whole.data) and row.what != "epochs"
    ]
    found += wordless(trainer, whole)
    if architecture is None:
        return found
    built = trainer.builds and not (whole.begins or "").startswith("checkpoints/")
    if architecture.norm_epsilon is None and (built or whole.begins is None):
        value = f"{USUAL_EPSILON:g}" if trainer.builds else "of the class's own default"
        found.append(Gap(what="epsilon of the norms", value=value, whose="norms"))
    if on_a_corpus and mixes(architecture) and (balance is None or balance.auxiliary is None):
        kept = BALANCE.get(trainer.name, "by the trainer's own default")
        found.append(Gap(what="balance of experts", value=kept, whose="balance"))
    length, context = whole.sequence_length, architecture.context_length
    if network.rows and length > network.rows:
        raise RefusedError(
            f"trains on sequences of {length:,} tokens, and its network has a table of {context:,} positions; write "
            f"recipe.stages.{whole.name}.sequence_length={context}"
        )
    if length > context:
        found.append(Gap(what="sequence_length", value=f"{length:,} over {context:,}", whose="longer"))
    return found


def plain(value: object) -> str:
    """A value as words.

    >>> plain({"code": 0.6, "web": 0.4, "formats": []}), plain(3)
    ('code 0.6, web 0.4', '3')
    """
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{key} {part}" for key, part in value.items() if part not in (None, [], ()))


def wordless(trainer: Trainer, whole: ExportStage) -> list[Gap]:
    """What the trainer does of its own and no recipe has a word for."""
    on_a_corpus = whole.kind in CORPUS and isinstance(whole.objective, NextToken)
    found: dict[str, str] = {}
    if on_a_corpus and trainer.name in DOCUMENTS:
        found["documents"] = DOCUMENTS[trainer.name]
    if isinstance(whole.objective, Supervised) and trainer.name in LONG:
        found["longer examples"] = LONG[trainer.name]
    if whole.begins is None:
        found["first weights"] = FIRST_WEIGHTS.get(trainer.name, USUAL)
    if whole.weight_decay and trainer.name in ALL_DECAY:
        found["weight decay"] = "of norms too"
    return [Gap(what=what, value=value, whose="wordless") for what, value in found.items()]

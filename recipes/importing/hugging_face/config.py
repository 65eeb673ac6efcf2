"""One ``config.json``, whole: which class reads it, which part of it is the text model, what it leaves unsaid."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from lehr.recipes.errors import LehrError, nearest
from lehr.recipes.importing.hugging_face.assemble import assembled
from lehr.recipes.importing.hugging_face.classes import HFClass
from lehr.recipes.importing.hugging_face.families import defaults
from lehr.recipes.importing.hugging_face.quantized import stored_as
from lehr.recipes.importing.hugging_face.reading import Fields, shown
from lehr.recipes.importing.hugging_face.registry import CLASSES
from lehr.recipes.importing.hugging_face.undescribed import WHY, unknown
from lehr.recipes.importing.hugging_face.unread import context_of, settle, stands
from lehr.recipes.importing.hugging_face.wrappers import BARE, WITH_HEAD, text_model
from lehr.simulators.architecture import Architecture

CORE = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size")
"""What a file that gives one of them gives too."""

EPSILONS = (
    "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "layernorm_epsilon", "norm_eps", "norm_epsilon",
    "rms_norm_epsilon", "ln_eps",
)  # fmt: skip
"""What classes call the number that their norms add below the root."""

UNSTATED_CONTEXT = 4096
"""Context length where a file states none (a recurrent network, relative positions) [tokens]."""


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What a ``config.json`` says: the architecture, its class, fields that took the class's default, what is to be
    said aloud, and what the class calls the core sizes, which no file of a whole network leaves out."""

    architecture: Architecture
    model_type: str
    class_name: str
    defaulted: list[str]
    notes: list[str]
    context_assumed: bool = False
    core: tuple[str, ...] = ()


def import_config(config: Mapping[str, Any], where: str = "", *, ignore: Collection[str] = ()) -> Imported:
    """The architecture that the fields of ``config`` describe; ``where`` begins its errors, ``ignore`` names fields to
    pass over.

    Raises ``LehrError`` for a ``model_type`` that is not known, and for a field that is wrong,
    missing or not understood.

    >>> found = import_config({"model_type": "llama", "num_hidden_layers": 2, "torch_dtype": "bfloat16"})
    >>> found.architecture.n_layers, found.architecture.blocks["decoder"].mlp.d_ff
    (2, 11008)
    """
    where = f"{where}: " if where else ""
    try:
        text, notes, where = text_model(config, where)
        reader = class_of(text, where)
        head, head_note = head_of(reader, text, where)
        said = text.get("model_type")
        if said != reader.model_type:
            unread = "there is no model_type" if said is None else f"model_type {shown(said)} is not known"
            notes = [*notes, f"{unread}; the file is read by its class, as a {reader.model_type}"]
        f = Fields(
            reader.model_type,
            text,
            defaults(reader.model_type),
            named=reader.named,
            also=reader.also,
            where=where,
            head=head,
            any_heads=reader.any_heads,
        )
        network = reader.read(f)
        checkpoint = stored_as(f)
        context = network.context_length or context_of(f)
        network = msgspec.structs.replace(network, context_length=context)
        if passed := settle(f, reader.no_effect, network, ignore):
            unlike = f"not fields of model_type {f.model_type}, and they look like no shape; passed over"
            f.note(f"{unlike}: {', '.join(passed)}")
        for name in ignore:
            if not stands(f, name):
                raise LehrError(f"{where}ignore: there is no field {name}; {nearest(name, f.data)}")
        architecture = assembled(network, checkpoint, context or UNSTATED_CONTEXT)
        architecture = msgspec.structs.replace(architecture, norm_epsilon=epsilon_of(f))
    except ValueError as error:
        # a layer's own check: its message is in our words, the file's name is added
        raise LehrError(f"{where}{error}") from error
    return Imported(
        architecture=architecture,
        model_type=reader.model_type,
        class_name=reader.prefixes[0],
        defaulted=f.defaulted,
        notes=[*notes, *([head_note] if head_note else []), *f.notes],
        context_assumed=context is None,
        core=tuple(f.name(field) for field in CORE if f.name(field) in f.read),
    )


def epsilon_of(f: Fields) -> float | None:
    """What the norms add below the root, by the class's own name of it; a class with code of its own may call it by any
    of them [1]. Raises ``LehrError`` for a negative number."""
    name = next((name for name in EPSILONS if name in f.defaults), None)
    name = name or next((name for name in EPSILONS if f.given(name)), None)
    value = None if name is None else f.maybe_number(name)
    if name is not None and value is not None and value < 0:
        f.wrong(name, f"found {value:g}; write a number of 0 or more")
    return value


def class_of(config: Mapping[str, Any], where: str) -> HFClass:
    """The class that ``model_type`` names."""
    model_type = config.get("model_type")
    if model_type is None and "peft_type" in config:
        base = config.get("base_model_name_or_path")
        of = f", {base}" if isinstance(base, str) and base.isprintable() and base else ""
        raise LehrError(f"{where}peft_type: the file is of an adapter; import the config.json of its base model{of}")
    if (not isinstance(model_type, str) or model_type not in {*CLASSES, *WHY}) and (same := by_class(config)):
        return same
    if model_type is None:
        raise LehrError(f"{where}has no model_type; write model_type: the type of its class, such as llama or qwen3")
    if not isinstance(model_type, str) or model_type not in CLASSES:
        raise LehrError(f"{where}{unknown(model_type)}")
    return CLASSES[model_type]


def by_class(config: Mapping[str, Any]) -> HFClass | None:
    """The class of another ``model_type`` whose name stands in ``architectures``, where there is only one."""
    named = config.get("architectures")
    name = named[0] if isinstance(named, list) and named else None
    found = [c for c in CLASSES.values() if any(p + t == name for p in c.prefixes for t in c.tasks)]
    # a later prefix is an older class's name, which others may have too
    own = [c for c in found if any(c.prefixes[0] + t == name for t in c.tasks)]
    found = own or found
    return found[0] if len({c.read for c in found}) == 1 else None


def head_of(reader: HFClass, config: Mapping[str, Any], where: str) -> tuple[str, str | None]:
    """What stands on top, by the class that ``architectures`` names, and what is to be said of it."""
    named = config.get("architectures")
    if named is None or named == []:
        return reader.head, None
    if not isinstance(named, list) or not isinstance(named[0], str):
        raise LehrError(f"{where}architectures: found {shown(named)}; write a list with the name of a class")
    known = {prefix + task: head for prefix in reader.prefixes for task, head in reader.tasks.items()}
    # some files name the class without a task; of a text model inside a larger one only this is said
    also = {
        **dict.fromkeys(reader.prefixes, reader.tasks["Model"]),
        BARE: reader.tasks["Model"],
        WITH_HEAD: reader.head,
    }
    if named[0] not in {**known, **also}:
        raise LehrError(
            f"{where}architectures: {named[0]!r} is no class of {reader.model_type}; {nearest(named[0], known)}"
        )
    head = known.get(named[0]) or also[named[0]]
    if head == "pretraining":
        return "mlm", f"of {named[0]} the vocabulary's head is described; what else it is trained with is left out"
    if head.endswith("task"):
        bare = "pooled" if head.startswith("pooled") else "none"
        return bare, f"the head of {named[0]} is for a task and is left out"
    return head, None

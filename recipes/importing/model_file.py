"""An imported architecture as a model file in our own words."""

from __future__ import annotations

from typing import Any

import yaml

from lehr.recipes.catalogue.encode import stated
from lehr.recipes.catalogue.entries import ModelKind
from lehr.recipes.importing.hugging_face.config import Imported
from lehr.recipes.presenting.yaml import WIDTH, Tidy
from lehr.simulators.architecture import Architecture
from lehr.simulators.layers import MLA, Attention, CompressedAttention, Hyena, MoE


def model_file(name: str, found: Imported, path: str, hf_id: str | None = None) -> bytes:
    """The model file of ``found``, which was read at ``path``: only what is not a default of ours, with its origin."""
    body: dict[str, Any] = {"name": name}
    if hf_id is not None:
        body["hf_id"] = hf_id
    body |= {
        "family": found.class_name,
        "kind": kind_of(found.architecture),
        "open": "weights",
        "architecture": stated(found.architecture),
        "provenance": provenance(found, path),
    }
    if found.notes:
        body["note"] = "; ".join(found.notes)
    text = yaml.dump(body, Dumper=Short, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text.encode()


def kind_of(architecture: Architecture) -> ModelKind:
    """The kind that the catalogue gives such a network.

    >>> from lehr.recipes.importing.hugging_face.config import import_config
    >>> [kind_of(import_config({"model_type": t}).architecture) for t in ("llama", "mixtral", "mamba", "jamba")]
    ['dense', 'moe', 'recurrent', 'hybrid']
    """
    blocks = [block for block, _ in architecture.stack()]
    mixers = [block.mixer for block in blocks if block.mixer is not None]
    attends = [isinstance(mixer, (Attention, MLA, CompressedAttention, Hyena)) for mixer in mixers]
    if architecture.encoder is not None:
        return "encoder_decoder"
    if not architecture.causal:
        return "encoder"
    if mixers and not all(attends):
        return "hybrid" if any(attends) else "recurrent"
    return "moe" if any(isinstance(block.mlp, MoE) for block in blocks) else "dense"


def provenance(found: Imported, path: str) -> dict[str, Any]:
    """Who said the values: the file, or the class where the file leaves a field out."""
    note = f"lehr import read {path}, model_type {found.model_type}"
    if found.defaulted:
        note += f"; left out there, by the class's own default: {', '.join(sorted(found.defaulted))}"
    facts: dict[str, Any] = {"default": {"origin": "derived", "place": path, "note": note}}
    if found.context_assumed:
        assumed = {"origin": "assumed", "note": "the file states no context length"}
        facts["exceptions"] = {"architecture.context_length": assumed}
    return facts


class Short(Tidy):
    """YAML with a mapping or list on one line where it fits there."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        """On one line where it is short and has names only."""
        return super().represent_mapping(tag, mapping, flow_style=fits(mapping))

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        """On one line where it is short."""
        return super().represent_sequence(tag, sequence, flow_style=fits(sequence))


def fits(value: Any) -> bool:
    """Has ``value`` room on a line, and nothing below it that would be hard to read there?"""
    if isinstance(value, dict) and ({"mixer", "mlp", "name", "note", "d_model"} & value.keys()):
        return False
    return len(str(value)) <= WIDTH - 20

"""From structures to plain data as a file has them: what stands at its default is left out."""

from __future__ import annotations

from typing import Any

import msgspec


def stated_fields(value: msgspec.Struct) -> dict[str, Any]:
    """The fields of a structure that are not at their default, by name.

    >>> from lehr.simulators.layers import MLP
    >>> stated_fields(MLP(d_ff=8, activation="silu", gated=False))
    {'d_ff': 8, 'activation': 'silu'}
    """
    found = {}
    for field in msgspec.structs.fields(value):
        own = getattr(value, field.name)
        default = field.default_factory() if callable(field.default_factory) else field.default
        if field.required or own != default:
            found[field.name] = own
    return found


def stated(value: Any) -> Any:
    """``value`` as plain data, without the fields of structures that have their default.

    >>> from lehr.simulators.layers import MLP
    >>> stated(MLP(d_ff=8, activation="silu", gated=False))
    {'kind': 'mlp', 'd_ff': 8, 'activation': 'silu'}
    """
    if isinstance(value, msgspec.Struct):
        config = value.__struct_config__
        tag = {} if config.tag is None else {str(config.tag_field): config.tag}
        return tag | {name: stated(own) for name, own in stated_fields(value).items()}
    if isinstance(value, dict):
        return {key: stated(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [stated(item) for item in value]
    return value

"""YAML as a person would write it."""

from __future__ import annotations

from typing import Any

import yaml

WIDTH = 118
"""Characters that a line may have."""


class Tidy(yaml.SafeDumper):
    """Text of several lines as a block of them; the same thing twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """Every part says all of itself."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


Tidy.add_representer(str, _text)


def as_yaml(body: Any) -> bytes:
    """``body`` in the order of its keys, with short lists and mappings on one line.

    >>> print(as_yaml({"name": "a", "range": [1, 2], "values": "1 2\\n3 4\\n"}).decode(), end="")
    name: a
    range: [1, 2]
    values: |
      1 2
      3 4
    """
    text = yaml.dump(body, Dumper=Tidy, sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=None)
    return text.encode()

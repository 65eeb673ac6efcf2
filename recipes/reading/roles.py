"""The words of a heading, and which role they tell where no known name does."""

from __future__ import annotations

import re

WORDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "n": (frozenset({"params", "param", "parameters"}), frozenset({"per", "embedding", "embed", "ratio", "tokens"})),
    "d": (frozenset({"tokens"}),
          frozenset({"per", "unique", "batch", "vocab", "param", "params", "parameter", "ratio"})),
    "unique": (frozenset({"unique"}), frozenset({"per", "ratio", "id", "name", "share", "epochs"})),
    "flops": (frozenset({"flop", "flops", "gflop", "gflops", "tflop", "tflops", "pflop", "pflops", "compute",
                         "pfdays"}),
              frozenset({"per", "s", "second", "utilization", "mfu"})),
    "loss": (frozenset({"loss", "bpb", "bpc", "nll", "ppl", "perplexity", "bits"}),
             frozenset({"std", "weight", "scale", "precision", "quant", "width"})),
}  # fmt: skip
"""Words that tell a heading's role where no name of ``NAMES`` does, and words that forbid it."""
PREFIXES = {"gflop": 1e9, "gflops": 1e9, "tflop": 1e12, "tflops": 1e12, "pflop": 1e15, "pflops": 1e15}


def words_of(heading: str) -> frozenset[str]:
    """The words of a heading in lower case: at signs, spaces and capitals.

    >>> sorted(words_of("val_bpb")), sorted(words_of("totalGFLOPs"))
    (['bpb', 'val'], ['gflops', 'total'])
    """
    apart = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", heading)
    found = frozenset(re.findall(r"[a-z]+", apart.lower()))
    return found | ({"pfdays"} if {"pf", "days"} <= found or {"petaflop", "days"} <= found else frozenset())

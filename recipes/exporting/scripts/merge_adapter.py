"""Merge an adapter into the weights that it was trained beside: ``python merge_adapter.py <adapter> <merged>``. Takes
PEFT, which TRL trains adapters with."""

from __future__ import annotations

import sys


def main(adapter: str, merged: str) -> None:
    """Write the whole weights and the tokenizer to ``merged``."""
    import torch
    from peft import AutoPeftModelForCausalLM
    from transformers import AutoTokenizer

    whole = AutoPeftModelForCausalLM.from_pretrained(adapter, dtype=torch.bfloat16).merge_and_unload()
    whole.save_pretrained(merged)
    AutoTokenizer.from_pretrained(adapter).save_pretrained(merged)


if __name__ == "__main__":
    main(*sys.argv[1:])

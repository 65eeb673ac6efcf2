"""What an export leaves to the person, made up: random weights, a tokenizer of bytes and a little data. Run by a
trainer's own Python in the folder of the export; says nothing and trains nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

TEMPLATE = (
    "{% for m in messages %}{% if m['role'] == 'assistant' %}{% generation %}{{ m['content'] }}<end>{% endgeneration %}"
    "{% else %}{{ m['content'] }}:{% endif %}{% endfor %}"
)


def weights_and_tokenizer(folder: str) -> None:
    """Random weights of ``model/config.json``, and a token for each byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {letter: i for i, letter in enumerate(["<end>", "<pad>", *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>", pad_token="<pad>")
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    config = AutoConfig.from_pretrained(folder)
    config.eos_token_id, config.pad_token_id = 0, 1
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)


def rows(what: str, n: int) -> list[dict[str, object]]:
    """Examples of what a stage trains on."""
    found: list[dict[str, object]] = []
    for i in range(n):
        asked, right, wrong = f"{i} and {i}", f"{2 * i}", f"{2 * i + 1}"
        if what == "corpus":
            found.append({"text": f"{asked} are {right}. " * 4})
        elif what == "answers":
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": right}]
            found.append({"messages": turns})
        elif what == "preferences":
            found.append({"prompt": asked, "chosen": right, "rejected": wrong})
        elif what in ("chosen", "questions"):
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": right}]
            found.append(
                {"messages": turns, "rejected_response": wrong} if what == "chosen" else {"messages": turns[:1]}
            )
        else:
            found.append({"prompt": asked})
    return found


def pieces(i: int) -> Iterator[object]:
    """Tokens of one made-up document, for LitData."""
    import torch

    yield torch.arange(65 * 40) * (i + 1) % 300


def main() -> None:
    """``fill_in.py what folder``: fill in the model and one stage's data; for LitData and OLMo-core these alone."""
    what, folder = sys.argv[1], Path(sys.argv[2])
    if what == "litdata":
        from litdata import TokensLoader, optimize

        optimize(fn=pieces, inputs=list(range(8)), output_dir=str(folder), num_workers=1, chunk_size=65 * 64,
                 item_loader=TokensLoader(block_size=65))  # fmt: skip
        return
    if what == "tokens":
        import numpy as np

        folder.mkdir(parents=True)
        # OLMo-core reads the bare numbers, whatever the ending says
        (np.arange(40_000) * 7 % 300).astype(np.uint16).tofile(folder / "train.npy")
        return
    weights_and_tokenizer("model")
    folder.mkdir(parents=True)
    lines = "".join(json.dumps(row) + "\n" for row in rows(what, 256))
    (folder / "train.jsonl").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()

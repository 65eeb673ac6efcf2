"""Stop where a tokenizer has no chat template and the settings of a stage name none.

    python check_template.py MODEL 02_sft/train.yaml

LLaMA-Factory would take its template `empty`: questions and answers without roles, and answers without an end.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(model: str, settings: str) -> None:
    """Exit with 2 and a line of what to write, where there is no template."""
    import yaml

    if yaml.safe_load(Path(settings).read_text(encoding="utf-8")).get("template"):
        return
    from transformers import AutoTokenizer

    if not getattr(AutoTokenizer.from_pretrained(model), "chat_template", None):
        print(f"{model} has no chat template; write template: in {settings}, one of LLaMA-Factory's", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main(*sys.argv[1:])

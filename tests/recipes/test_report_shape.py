"""The words of a model's shape."""

from __future__ import annotations

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.report.shape import position


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("llama_2_7b", "RoPE, base 10,000"),
        ("deepseek_coder_6_7b", "RoPE, base 100,000, linear × 4"),
        ("phi_3_5_mini", "RoPE, base 10,000, longrope"),  # a factor for each frequency, so that none is printed
        ("gpt_3_175b", "no position in the mixer"),
    ],
)
def test_where_a_token_stands_in_words(model: str, words: str) -> None:
    block, _ = Catalogue().model(model).shape().stack()[0]
    assert position(block.mixer) == words

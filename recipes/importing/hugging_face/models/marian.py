"""Marian."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.seq2seq import Bart, enter

enter("marian", "Marian", Bart(placement="post", embedding_norm=False, final_norm=False, rows=None))

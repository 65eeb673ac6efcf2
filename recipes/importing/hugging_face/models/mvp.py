"""MVP (arXiv:2206.12131)."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.seq2seq import Bart, enter

enter("mvp", "Mvp", Bart(placement="post", embedding_norm=True, final_norm=False, rows=2))

"""BART, PLBART (arXiv:2103.06333) and mBART (arXiv:2001.08210)."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.seq2seq import Bart, enter

enter("bart", "Bart", Bart(placement="post", embedding_norm=True, final_norm=False, rows=2))
enter("plbart", "PLBart", Bart(placement="post", embedding_norm=True, final_norm=False, rows=2))
enter("mbart", "MBart", Bart(placement="pre", embedding_norm=True, final_norm=True, rows=2))

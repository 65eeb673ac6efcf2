"""Meta: M2M-100 and NLLB (arXiv:2010.11125)."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.seq2seq import Bart, enter

enter("m2m_100", "M2M100", Bart(placement="pre", embedding_norm=False, final_norm=True, rows=None))

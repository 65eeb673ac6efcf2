"""Google: PEGASUS (arXiv:1912.08777)."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.seq2seq import Bart, enter

enter("pegasus", "Pegasus", Bart(placement="pre", embedding_norm=False, final_norm=True, rows=None))

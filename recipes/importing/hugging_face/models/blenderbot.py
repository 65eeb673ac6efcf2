"""Meta: Blenderbot (arXiv:2004.13637)."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.seq2seq import Bart, enter

enter("blenderbot", "Blenderbot", Bart(placement="pre", embedding_norm=False, final_norm=True, rows=0))
enter("blenderbot-small", "BlenderbotSmall", Bart(placement="post", embedding_norm=True, final_norm=False, rows=0))

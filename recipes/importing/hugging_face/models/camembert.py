"""CamemBERT: RoBERTa under another name."""

from __future__ import annotations

from lehr.recipes.importing.hugging_face.classes import ROBERTA_TASKS, reads
from lehr.recipes.importing.hugging_face.models.roberta import roberta

reads("camembert", "Camembert", tasks=ROBERTA_TASKS, head="mlm", no_effect="output_past")(roberta)

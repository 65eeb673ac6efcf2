"""Laws of a few points: fine-tuning by its examples, routed models by size and experts."""

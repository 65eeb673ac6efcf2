"""From a Hugging Face ``config.json`` to a model file in our own words."""

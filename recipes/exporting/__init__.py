"""From a recipe to the files that a trainer runs: configurations, commands, and what they could not say."""

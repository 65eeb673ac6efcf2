"""From what a planner says to a plan: a model, its recipe, the ranking behind them, and a page."""

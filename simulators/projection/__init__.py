"""What a recipe costs, how long it takes and what loss it should reach."""

"""What a recipe runs on."""

"""``python -m lehr``: the command."""

from lehr.recipes.cli import main

if __name__ == "__main__":
    main()

"""``python -m lehr``: the command."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # -m puts the current folder first, whose files anyone may have written, a hydra_plugins/ among them
    if Path(sys.path[0]).resolve() != Path(__file__).parents[1].resolve():
        sys.path.pop(0)
    from lehr.recipes.cli import main

    main()

"""``python -m lehr``, and what the command ``lehr`` runs: little is imported before Ctrl-C is looked after."""

import os
import signal
import sys
from pathlib import Path


def command() -> None:
    """Run the command. While its modules are imported Ctrl-C ends it at once, as nothing has begun that could be left
    half done; from then on it is the command's."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from lehr.recipes.cli import main

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


if __name__ == "__main__":
    # -m puts the current folder first, whose files anyone may have written, a hydra_plugins/ among them
    if Path(sys.path[0]).resolve() != Path(__file__).parents[1].resolve():
        sys.path.pop(0)
    command()

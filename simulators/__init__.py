"""The nouns and the mathematics of a training recipe: pure functions, no files.

Nothing here reads a file, imports Hydra or draws a plot; ``recipes`` does. Imports go one way:
``recipes`` may import ``simulators``, never the reverse (``tests/contracts/test_import_floors.py``).
"""

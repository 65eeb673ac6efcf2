"""Logs of training runs: CSV, JSON, JSON lines, TensorBoard events, trainer_state.json, exports of W&B."""

from lehr.recipes.reading.logs import LogFile, UnfinishedError, open_log
from lehr.recipes.reading.runs import LogReading, ReadRun, read_runs
from lehr.recipes.reading.series import Series

__all__ = ["LogFile", "LogReading", "ReadRun", "Series", "UnfinishedError", "open_log", "read_runs"]

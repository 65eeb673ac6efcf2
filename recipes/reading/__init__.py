"""Logs of training runs: CSV, JSON, JSON lines, TensorBoard events, trainer_state.json, exports of W&B."""

from lehr.recipes.reading.logs import LogFile, Series, UnfinishedError, open_log
from lehr.recipes.reading.runs import LogReading, ReadRun, read_runs

__all__ = ["LogFile", "LogReading", "ReadRun", "Series", "UnfinishedError", "open_log", "read_runs"]

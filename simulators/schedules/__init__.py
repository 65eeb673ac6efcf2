"""Learning rate and batch size as functions of the step: schedules (what a recipe says) and curves (resolved)."""

from simulators.schedules.batch import Batch
from simulators.schedules.curve import Curve, Phase, join
from simulators.schedules.duration import Duration, TokenClock
from simulators.schedules.kinds import Schedule, Warmup

__all__ = ["Batch", "Curve", "Duration", "Phase", "Schedule", "TokenClock", "Warmup", "join"]

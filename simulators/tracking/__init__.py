"""A running job beside its forecast: where it is, whether it leaves the band, and where it will end."""

from lehr.simulators.tracking.judging import Earlier
from lehr.simulators.tracking.planned import Plan
from lehr.simulators.tracking.rows import Rows, in_order
from lehr.simulators.tracking.rules import Alarm, Rules
from lehr.simulators.tracking.track import Tracked, track

__all__ = ["Alarm", "Earlier", "Plan", "Rows", "Rules", "Tracked", "in_order", "track"]

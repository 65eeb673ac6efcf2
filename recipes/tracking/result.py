"""One look at a running job, with a law that forecasts it or without."""

from __future__ import annotations

import msgspec

from lehr.recipes.reading.rows import LogRows
from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.tracking import Plan, Tracked
from lehr.simulators.tracking.alone import Alone
from lehr.simulators.tracking.rates import Departure


class Look(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The forecast by ``law``, what the log says beside it, and what was passed over in the log, in words. The forecast
    is of the planned rates, or of those that the log has where they left the plan (``seen.by_logged_rates``)."""

    law: CurveLaw
    planned: Plan
    seen: Tracked
    notes: list[str]


class Unread(msgspec.Struct, frozen=True):
    """Of several logs the one called ``name``, of which nothing can be said, and ``why`` [a line]."""

    name: str
    why: str


class RateAndRows(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What a log says without a law: where its rate is ``off`` its plan, and how its loss rises (``alone``),
    ``None`` of a loss that is no cross-entropy."""

    off: Departure | None
    read: LogRows
    alone: Alone | None

"""One look at a running job."""

from __future__ import annotations

import msgspec

from lehr.simulators.laws.curves import CurveLaw
from lehr.simulators.tracking import Plan, Tracked


class Look(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The forecast by ``law``, what the log says beside it, and what was passed over in the log, in words."""

    law: CurveLaw
    planned: Plan
    seen: Tracked
    notes: list[str]

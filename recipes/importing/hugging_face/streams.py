"""Several streams through the network, by hyper-connections."""

from __future__ import annotations

import msgspec

from lehr.simulators.architecture import Block
from lehr.simulators.layers import HyperConnections


def connected(blocks: list[Block], n_streams: int, *, mixed: bool) -> list[Block]:
    """The blocks with streams; the last holds what leads from them to the head."""
    kinds = [HyperConnections(n_streams=n_streams, mixed=mixed, holds_head=last) for last in (False, True)]
    return [
        msgspec.structs.replace(block, branches=(kinds[int(place == len(blocks) - 1)],))
        for place, block in enumerate(blocks)
    ]

"""Clusters: how many accelerators of a kind, and what joins them."""

from __future__ import annotations

import msgspec

from lehr.simulators.machine.accelerator import Accelerator, Link
from lehr.simulators.machine.demand import RING, Network
from lehr.simulators.quantities import Positive, Size


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``devices`` of one accelerator, ``per_node`` in a node.

    ``network`` is the bandwidth of each device's card to other domains, one way [byte/s], ``link`` what joins a domain
    where it is not the accelerator's usual, ``storage`` what all devices together write to storage [byte/s].
    """

    name: str
    title: str
    accelerator: str
    devices: Size
    per_node: Size = 8
    network: Positive | None = None
    link: Link | None = None
    storage: Positive | None = None
    topology: str | None = None


def network_of(device: Accelerator, cluster: Cluster | None = None, beyond: float | None = None) -> Network:
    """What joins devices of one kind; ``beyond`` or the cluster says what a domain's cards carry.

    Devices without links are alone in their domain. Where no card is known, as of a torus that spans all devices, it
    carries what a link does.

    >>> h100 = Accelerator(name="h100", title="H100", peak={"bf16": 989e12}, network=50e9,
    ...                    link=Link(name="NVLink 4", bandwidth=450e9, domain=8))
    >>> network_of(h100)
    Network(link=351000000000.0, domain=8, beyond=50000000000.0)
    """
    link = (cluster.link if cluster is not None else None) or device.link
    card = beyond or (cluster.network if cluster is not None else None) or device.network
    if link is None:
        carried = card or PCIE_4
        return Network(carried, 1, carried)
    return Network(RING * link.bandwidth, link.domain, card or RING * link.bandwidth)


PCIE_4 = 31.5e9
"""Bandwidth of sixteen lanes of PCIe 4, one way, where no link and no card is known [byte/s]."""

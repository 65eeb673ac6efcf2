"""Laws of data mixtures and of continued pre-training: loss by the share of each corpus."""

from lehr.simulators.laws.mixture.continued import CriticalShare, DomainCpt, ShareOfDomain, largest_domain_share
from lehr.simulators.laws.mixture.mixing import MixingLaw
from lehr.simulators.laws.mixture.replay import ReplayTable

AnyMixtureLaw = DomainCpt | CriticalShare | ShareOfDomain | ReplayTable | MixingLaw
"""Every form of a law of mixtures that a file may name by its ``kind``."""

__all__ = [
    "AnyMixtureLaw",
    "CriticalShare",
    "DomainCpt",
    "MixingLaw",
    "ReplayTable",
    "ShareOfDomain",
    "largest_domain_share",
]

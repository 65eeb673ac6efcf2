"""Every cluster decodes, is of a known accelerator, and says where its values come from."""

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.catalogue.recipe_files import ClusterFile
from lehr.simulators.machine.cluster import network_of

CATALOGUE = Catalogue()


@pytest.mark.parametrize("name", CATALOGUE.files("cluster"))
def test_a_cluster(name: str) -> None:
    cluster = CATALOGUE.read("cluster", name, ClusterFile)
    assert cluster.name == name
    assert cluster.devices % cluster.per_node == 0
    facts = [cluster.provenance.default, *cluster.provenance.exceptions.values()]
    assert {fact.source for fact in facts} <= set(CATALOGUE.sources)
    network = network_of(CATALOGUE.accelerators[cluster.accelerator], cluster)
    # links within a domain are faster than cards beyond it
    assert network.link > network.beyond


@pytest.mark.parametrize("name", CATALOGUE.accelerators)
def test_an_accelerator_can_be_laid_out(name: str) -> None:
    device = CATALOGUE.accelerators[name]
    assert device.bandwidth is not None
    assert device.memory_bytes is not None
    assert device.matrix_rate("bf16" if "bf16" in device.peak else "fp16") <= max(device.peak.values())

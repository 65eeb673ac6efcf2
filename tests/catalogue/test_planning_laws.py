"""A plan by a law agrees with the optimum that the law has of its own, whichever law of the catalogue it is."""

from __future__ import annotations

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.counting import count_parameters
from lehr.simulators.laws import DataConstrained, Frontier, ScalingLaw, VocabularyLaw
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.planning import choose, dense, ladder
from lehr.simulators.planning.choosing import Demand, Laws, Planner, rung_of
from lehr.simulators.planning.reading import REFERENCE_VOCABULARY, Rung, read_surface, size_at

CATALOGUE = Catalogue()
FLOPS = 1e22
ANY = count_parameters(dense(4096, vocab_size=128256, context_length=4096))


def planners() -> list[str]:
    laws = {name: CATALOGUE.law(name) for name in CATALOGUE.files("law")}
    return [name for name, law in laws.items() if isinstance(law, (ScalingLaw, Frontier, JointMoe))]


def exact(n: float, cost: float = 6.0) -> Rung:
    """A rung of ``n`` parameters by every convention, whose token costs ``cost`` N."""
    whole = round(n)
    count = type(ANY)(whole, whole, dict.fromkeys(ANY.active, whole), 0, {}, {})
    return Rung(count=count, training=cost * n, forward=cost * n / 3, cache=0)


def rungs_of(law: Planner) -> dict[tuple[int, int], Rung]:
    # N of a law of FLOPs per token is those FLOPs: C = N D
    cost = 1.0 if getattr(law, "n_convention", "") == "flops_per_token" and isinstance(law, Frontier) else 6.0
    # 2 % apart
    sizes = np.geomspace(1e7, 1e13, 700)
    return {(i, 1): exact(float(n), cost) for i, n in enumerate(sizes)}


@pytest.mark.parametrize("name", planners())
def test_the_plan_agrees_with_the_laws_own_optimum(name: str) -> None:
    law = CATALOGUE.law(name)
    assert isinstance(law, (ScalingLaw, Frontier, JointMoe))
    n, d = law.optimum(FLOPS)
    plan = choose(rungs_of(law), FLOPS, law, laws=Laws(loss=CATALOGUE.surface("besiroglu")))
    # between the neighbours of the optimum, 2 % to each side
    assert plan.chosen.parameters == pytest.approx(n, rel=0.021)
    # two frontiers publish N and D whose product is not the budget over 6: the size is their decision
    if not isinstance(law, Frontier) or law.parameters is None or law.tokens is None:
        assert plan.chosen.tokens == pytest.approx(d, rel=0.021)


@pytest.mark.parametrize(("flops", "unique"), [(1e22, 25e9), (1e21, 2e9), (1e23, 1e12)])
def test_muennighoffs_optimum_is_the_plans(flops: float, unique: float) -> None:
    law = CATALOGUE.law("muennighoff")
    assert isinstance(law, DataConstrained)
    n, d = law.optimum(flops, unique)
    for by in (law, CATALOGUE.surface("muennighoff")):
        plan = choose(rungs_of(law), flops, by, demand=Demand(unique=unique), laws=Laws(repetition=law))
        assert plan.chosen.parameters == pytest.approx(n, rel=0.021)
        assert plan.chosen.epochs == pytest.approx(max(1.0, d / unique), rel=0.021)


def test_another_law_wears_both_worths() -> None:
    # the same constants without the two worths, which then come from the law of repetition
    law = CATALOGUE.law("muennighoff")
    assert isinstance(law, DataConstrained)
    plain = CATALOGUE.surface("chinchilla")
    plain = type(plain)(
        name="x", title="", n_convention=law.n_convention, loss_unit=law.loss_unit,
        E=law.E, A=law.A, B=law.B, alpha=law.alpha, beta=law.beta,
    )  # type: ignore[call-arg]  # fmt: skip
    n, _ = law.optimum(FLOPS, 25e9)
    plan = choose(rungs_of(law), FLOPS, plain, demand=Demand(unique=25e9), laws=Laws(repetition=law))
    assert plan.chosen.parameters == pytest.approx(n, rel=0.021)
    # without the worth of parameters the network would be half as large again
    sizes = np.array([r.count.total for r in rungs_of(law).values()], dtype=float)
    only_tokens = plain.loss(sizes, law.worth(sizes, FLOPS / 6 / sizes, 25e9)[1])
    assert sizes[np.argmin(only_tokens)] > 1.4 * n


@pytest.mark.parametrize("flops", [1e19, 1e21, 1e23])
def test_the_loss_is_least_at_the_vocabulary_of_tao_et_al(flops: float) -> None:
    law = CATALOGUE.law("tao_vocabulary")
    assert isinstance(law, VocabularyLaw)
    sizes = np.unique(np.geomspace(1000, 3e6, 400).astype(int))
    networks = [rung_of(dense(2048, vocab_size=int(v), context_length=4096), 4096) for v in sizes]
    surface = CATALOGUE.surface("besiroglu")
    losses = [
        float(read_surface(surface, {(2048, 1): r}, np.array([flops / r.training]), vocabulary=law).loss(surface)[0])
        for r in networks
    ]
    best = law.best(float(networks[0].count.active["excl_embeddings"]), 2048, flops)
    # the grid's step is 2 %, and the optimum lies between two of its points
    assert sizes[np.argmin(losses)] == pytest.approx(best, rel=0.021)


def test_the_reference_vocabulary_changes_nothing() -> None:
    rung = rung_of(dense(2048, vocab_size=REFERENCE_VOCABULARY, context_length=4096), 4096)
    surface, law = CATALOGUE.surface("besiroglu"), CATALOGUE.law("tao_vocabulary")
    assert isinstance(law, VocabularyLaw)
    with_law = read_surface(surface, {(2048, 1): rung}, np.array([1e10]), vocabulary=law)
    without = read_surface(surface, {(2048, 1): rung}, np.array([1e10]))
    assert float(with_law.loss(surface)[0]) == float(without.loss(surface)[0])


def test_a_law_of_every_expert_reads_every_expert() -> None:
    network = ladder((8,), vocab_size=1000, context_length=4096)[1024, 8]
    count = count_parameters(network)
    rung = rung_of(network, 4096)
    assert size_at(rung, "non_embedding", every_expert=True) == count.non_embedding
    assert size_at(rung, "non_embedding") == count.active["excl_embeddings"]

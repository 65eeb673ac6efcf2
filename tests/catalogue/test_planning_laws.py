"""A plan by a law agrees with the optimum that the law has of its own, whichever law of the catalogue it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.polynomial import Chebyshev

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.counting import count_parameters
from lehr.simulators.laws import DataConstrained, Frontier, ScalingLaw, VocabularyLaw
from lehr.simulators.laws.moe import JointMoe
from lehr.simulators.planning import choose, dense, ladder, mixture
from lehr.simulators.planning.choosing import Demand, Laws, Plan, Planner, rung_of
from lehr.simulators.planning.ladder import shapes
from lehr.simulators.planning.reading import REFERENCE_VOCABULARY, Key, Rung, read_surface, size_at, worths
from lehr.simulators.planning.sizing import CLOSE, TIE, network_of, size_of, wanted

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


LADDER = {key: rung_of(network, 4096) for key, network in ladder(vocab_size=128256, context_length=4096).items()}
ALONE = {"code_farseer": (1e23,)}
"""Laws whose hollow ends within the budgets below: from there on the best network is the largest that was tried."""


def with_size(law: Planner, size: float, flops: float, near: Key) -> tuple[Plan, Rung]:
    """The plan by a network of the ladder's kind of that size."""
    near_it = shapes(near[0], vocab_size=128256, context_length=4096)
    found = network_of(law, size, near_it, 4096, LADDER.values())
    assert found is not None
    rung = found[1]
    key = (rung.count.total, 1)
    laws = Laws(loss=CATALOGUE.surface("besiroglu"))
    return choose({**LADDER, key: rung}, flops, law, laws=laws, at=key), rung


@pytest.mark.slow
@pytest.mark.parametrize("flops", [1e21, 1e23])
@pytest.mark.parametrize("name", planners())
def test_the_network_has_the_size_that_its_law_wants(name: str, flops: float) -> None:
    """At what networks really cost: of the laws' own optimum at 6 N D, or where that is not what their loss wants of
    real FLOPs, of the size of least loss."""
    law = CATALOGUE.law(name)
    assert isinstance(law, (ScalingLaw, Frontier, JointMoe))
    rung = choose(LADDER, flops, law, laws=Laws(loss=CATALOGUE.surface("besiroglu")))
    size = wanted(rung, LADDER, law, flops, demand=Demand())
    if flops in ALONE.get(name, ()):
        assert size is None
        return
    assert size is not None
    plan, network = with_size(law, size, flops, (rung.chosen.d_model, 1))
    got = size_of(law, network)
    # networks of a billion parameters and less have few shapes that divide
    assert got == pytest.approx(size, rel=2 * CLOSE)
    if isinstance(law, Frontier):
        n, d = law.optimum(flops)
        tokens = law.parameters is None
        assert (plan.chosen.tokens if tokens else got) == pytest.approx(d if tokens else n, rel=2 * CLOSE)
        return
    # the least of the loss along the ladder, found another way, through whatever the shapes of rungs add
    sizes = np.log([size_of(law, LADDER[c.key]) for c in rung.candidates])
    along = np.linspace(sizes[max(0, rung.best - 5)], sizes[rung.best + 5], 4001)
    near = slice(max(0, rung.best - 5), rung.best + 6)
    losses = Chebyshev.fit(sizes[near], [c.loss for c in rung.candidates[near]], 4)(along)
    at_size = np.interp(np.log(size), along, losses)
    assert at_size < losses.min() + 1.2 * TIE
    own = law.optimum(6 * got * plan.chosen.tokens)[0]
    if abs(size / own - 1) > 2 * CLOSE:
        # tables that cost nothing and attention that does move the optimum, by more than nothing
        assert np.interp(np.log(own), along, losses) > losses.min() + TIE / 2


def test_muennighoffs_own_decision_is_the_plans_to_half_a_percent() -> None:
    # Muennighoff et al. 2023 at 1e22 FLOP and 25B unique tokens: 7.03B, 9.49 epochs (their own optimum, 6 N D)
    law = CATALOGUE.law("muennighoff")
    assert isinstance(law, DataConstrained)
    demand = Demand(unique=25e9)
    rung = choose(LADDER, FLOPS, law, demand=demand)
    size = wanted(rung, LADDER, law, FLOPS, demand=demand)
    assert size is not None
    near = shapes(rung.chosen.d_model, vocab_size=128256, context_length=4096)
    found = network_of(law, size, near, 4096, LADDER.values())
    assert found is not None
    key = (found[1].count.total, 1)
    plan = choose({**LADDER, key: found[1]}, FLOPS, law, demand=demand, at=key)
    assert plan.chosen.parameters == pytest.approx(7.03e9, rel=5e-3)
    assert plan.chosen.epochs == pytest.approx(9.49, rel=5e-3)


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
    network = mixture(1024, expansion=8, top_k=8, vocab_size=1000, context_length=4096)
    count = count_parameters(network)
    rung = rung_of(network, 4096)
    assert size_at(rung, "non_embedding", every_expert=True) == count.non_embedding
    assert size_at(rung, "non_embedding") == count.active["excl_embeddings"]


@pytest.mark.parametrize("name", ["besiroglu", "gadre_c4", "ludziejewski_joint"])
def test_the_first_repeat_is_no_cliff(name: str) -> None:
    """Just above one epoch a network is worth as much as just below, whatever the law of repetition says of its size on
    fresh tokens; and many repeats leave what that law says."""
    law, repetition = CATALOGUE.law(name), CATALOGUE.law("muennighoff")
    assert isinstance(repetition, DataConstrained)
    n, unique = np.array([1e9, 7e10]), 25e9
    (below, _), (above, tokens) = (worths(repetition, n, np.full(2, unique * by), unique) for by in (1.0, 1 + 1e-6))
    assert above == pytest.approx(below, rel=1e-5)
    assert tokens == pytest.approx(np.full(2, unique), rel=1e-5)
    long = np.full(2, 9.5 * unique)
    # a share of 2e-4 of the logarithm is left after 8.5 repeats
    assert worths(repetition, n, long, unique)[0] == pytest.approx(repetition.worth(n, long, unique)[0], rel=1e-3)
    assert isinstance(law, (ScalingLaw, JointMoe))
    plan = choose(LADDER, FLOPS, law, demand=Demand(unique=unique), laws=Laws(repetition=repetition))
    losses = np.array([c.loss for c in plan.candidates if 3e9 < c.parameters < 2e11])
    # rungs are a tenth apart, whose losses differ by less than a hundredth of a nat
    assert np.abs(np.diff(losses)).max() < 0.012

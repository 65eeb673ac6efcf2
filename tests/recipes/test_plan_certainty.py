"""What is known of the laws beside the loss's own is carried to a plan's choice, its loss and its score."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.simulators.laws import Chinchilla, DataConstrained, VocabularyLaw
from lehr.simulators.planning.choosing import Demand, Laws, Plan, choose, rung_of
from lehr.simulators.planning.ladder import ladder
from tests.recipes.test_plan_settings import plan


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def chosen(laws: Laws, *, unique: float | None = None, vocabulary: int = 128_256) -> Plan:
    surface = Catalogue().law("besiroglu")
    assert isinstance(surface, Chinchilla)
    networks = ladder(vocab_size=vocabulary, context_length=4096)
    rungs = {key: rung_of(network, 4096) for key, network in networks.items()}
    return choose(rungs, 1e21, surface, demand=Demand(unique=unique), laws=laws)


def width(plan: Plan) -> float:
    sizes = [c.active for c in plan.region()]
    return max(sizes) / min(sizes)


def test_how_little_is_known_of_repeats_widens_the_choice() -> None:
    law = Catalogue().law("muennighoff")
    assert isinstance(law, DataConstrained)
    unsure = chosen(Laws(repetition=law), unique=5e9)
    sure = chosen(Laws(repetition=msgspec.structs.replace(law, stars=None)), unique=5e9)
    assert width(unsure) > 2 * width(sure)
    assert unsure.moved is not None
    assert sure.moved is None
    # what does not repeat asks no law of repeats
    assert chosen(Laws(repetition=law)).moved is None


def test_how_little_is_known_of_vocabularies_widens_the_loss() -> None:
    law = Catalogue().law("tao_vocabulary")
    assert isinstance(law, VocabularyLaw)
    found = chosen(Laws(vocabulary=law), vocabulary=512_000)
    assert found.moved is not None
    # a thousand sets, half of them of each count of tokens
    assert np.ptp(np.quantile(found.moved, [0.025, 0.975])) > 0.01
    assert chosen(Laws(vocabulary=law)).moved is None


@pytest.mark.slow
def test_a_plan_says_what_its_network_would_score(capsys: pytest.CaptureFixture[str]) -> None:
    found = plan(capsys, "flops=1e22", "law=gadre_c4", "score_law=gadre_error_c4")
    law = Catalogue().law("gadre_error_c4")
    score = found["score"]["score"]
    assert score["value"] == pytest.approx(float(law.score(found["chosen"]["loss"])), rel=1e-12)
    assert score["low"] is None
    # a law of the loss that says how sure it is gives the score an interval
    sure = plan(capsys, "flops=1e22", "score_law=gadre_error_c4")["score"]["score"]
    assert sure["low"] < sure["value"] < sure["high"]
    assert dispatch(["plan", "flops=1e22", "score_law=gadre_error_c4"]) == 0
    assert "Score: error 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["score_law=besiroglu"], "score_law: besiroglu is no law of benchmark scores"),
        (["score_law=gadre_error_c4", "law=code_farseer"], "asks for a loss in nats/token"),
        (["unique_tokens=300GB"], "is an amount of bytes; a token of text or code is some 4 of them: write 7.5e+10"),
    ],
)
def test_a_law_that_tells_no_score_is_refused(words: list[str], says: str) -> None:
    with pytest.raises(LehrError) as error:
        dispatch(["plan", "flops=1e22", *words])
    assert says in str(error.value)

"""``lehr fit`` of laws of a few points."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import dispatch
from lehr.recipes.errors import LehrError
from lehr.simulators.laws import Overtraining
from lehr.simulators.laws.base import replicate
from lehr.simulators.laws.downstream import ExponentialError, Sigmoid, TaskLadder
from lehr.simulators.laws.moe import JointMoe, RoutedLaw
from lehr.simulators.laws.sft import RectifiedLaw
from lehr.simulators.laws.vocabulary import VocabularyLaw

TUNED = RectifiedLaw(name="x", title="", loss_unit="nats/token", B=30.0, D_l=50.0, beta=0.6, E=1.0)
ROUTED = RoutedLaw(
    name="x", title="", n_convention="non_embedding", loss_unit="nats/token", tokens=130e9,
    a=-0.08, b=-0.11, c=0.01, d=1.1, E_start=1.9, E_max=300.0,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def table(name: str, **columns: np.ndarray) -> None:
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(repr, row)) for row in rows)]
    Path(name).write_text("\n".join(lines) + "\n")


def test_a_fine_tuning_law_is_found_again_and_can_be_asked(capsys: pytest.CaptureFixture[str]) -> None:
    examples = 200 * 2.0 ** np.arange(14)
    table("tuned.csv", size=examples, loss=np.asarray(TUNED.loss(examples)))
    assert dispatch(["fit", "law=rectified", "data=tuned.csv", "columns={examples: size}", "pictures=true"]) == 0
    said = capsys.readouterr().out
    assert "turning point" in said
    law = Catalogue().law("outputs/fit/rectified_tuned/fit.yaml")
    assert isinstance(law, RectifiedLaw)
    # no noise: the least squares end at the planted constants but for the flatness of the minimum, about 1e-6
    assert (law.beta, law.D_l, law.E) == pytest.approx((0.6, 50.0, 1.0), rel=1e-3)
    found = json.loads(Path("outputs/fit/rectified_tuned/fit.json").read_text())
    assert found["points"] == 14
    assert found["held_out"]["points"] == 3
    # the last three of fourteen from the others: their level is 1e-3 of the loss away at most
    assert found["held_out"]["error"] < 1e-3
    assert Path("outputs/fit/rectified_tuned/fit.svg").is_file()


def test_a_routed_law_is_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    n, experts = (x.ravel() for x in np.meshgrid([25e6, 55e6, 130e6, 1.3e9], [1.0, 8.0, 64.0, 512.0]))
    table("routed.csv", parameters=n, experts=experts, loss=np.asarray(ROUTED.loss(n, experts)))
    assert dispatch(["fit", "law=clark_routed", "data=routed.csv", "format=json"]) == 0
    found = json.loads(capsys.readouterr().out)
    # the two saturations are searched on a grid that ends at 1e-3 of their logarithms
    assert (found["law"]["a"], found["law"]["c"]) == pytest.approx((-0.08, 0.01), rel=0.02)
    assert found["held_out"]["points"] == 4


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["law=rectified"], "data: nothing to fit; write data=runs.csv with columns examples and loss"),
        (["law=rectified", "data=few.csv"], "give 4 or more"),
        (["law=rectified", "data=few.csv", "columns={examples: size}"], "has no column 'size'"),
        (["law=rectified", "data=few.csv", "columns={n: examples}"], "'n' is no column of this form"),
        (["law=clark_routed", "data=few.csv"], "has no column 'parameters'"),
        (["law=rectified", "data=negative.csv"], "examples is -1"),
        (["law=rectified", "data=words.csv"], "is no number"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str) -> None:
    table("few.csv", examples=np.array([1.0, 2.0]), loss=np.array([3.0, 2.0]))
    table("negative.csv", examples=np.array([-1.0, 2.0]), loss=np.array([3.0, 2.0]))
    Path("words.csv").write_text("examples,loss\nmany,2.0\n")
    with pytest.raises(LehrError, match=says) as error:
        dispatch(["fit", *words])
    assert "\n" not in str(error.value)


def test_a_level_that_the_points_do_not_tell_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    examples = 200 * 2.0 ** np.arange(10)
    # a plain power law ends at no level
    table("steep.csv", examples=examples, loss=20 * examples**-0.2)
    assert dispatch(["fit", "law=rectified", "data=steep.csv"]) == 0
    assert "do not say where the loss ends" in capsys.readouterr().out


JOINT = JointMoe(
    name="x", title="", n_convention="active", loss_unit="nats/token", a=35.91, alpha=-0.1889, delta=-0.2285,
    gamma=0.0098, b=35.98, beta=-0.1775, omega=0.5529, zeta=-0.0259, c=1.3637, E_start=2.0732, E_max=290.4521,
)  # fmt: skip
VOCABULARY = VocabularyLaw(
    name="x", title="", E=5.5, A1=1.8, A2=0.2, B=2.1, alpha1=0.45, alpha2=0.67, beta=0.45, parameter_unit=1e6,
    token_unit=1e9,
)  # fmt: skip
ERROR = ExponentialError(
    name="x", title="", metric="error", benchmark="17 tasks", loss_unit="nats/token", epsilon=0.85, k=2.1, gamma=0.75
)
LADDER = TaskLadder(
    name="x", title="", metric="accuracy", benchmark="one", n_convention="non_embedding", loss_unit="nats/token",
    E=0.4, A=60.0, B=100.0, alpha=0.27, beta=0.26, sigmoid=Sigmoid(a=-0.6, b=0.85, k=3.0, x0=1.1),
)  # fmt: skip


def grid(*axes: Sequence[float]) -> list[np.ndarray]:
    return [x.ravel() for x in np.meshgrid(*axes)]


@pytest.mark.slow
def test_a_joint_law_is_found_again_and_a_plan_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    n, d, experts = grid([1e8, 4e8, 1.2e9, 2.7e9], [1e9, 8e9, 8e10], [1.0, 4.0, 16.0, 32.0])
    loss = JOINT.loss(n, d, experts) * np.exp(0.001 * np.random.default_rng(0).standard_normal(n.size))
    table("moe.csv", active_params=n, tokens=d, num_experts=experts, loss=loss)
    assert dispatch(["fit", "law=joint_moe", "data=moe.csv", "bootstrap=40", "format=json"]) == 0
    told = json.loads(capsys.readouterr().out)
    law = Catalogue().law("outputs/fit/joint_moe_moe/fit.yaml")
    assert isinstance(law, JointMoe)
    # .1 % of noise, and one of the papers' budgets: the best size moves by less than a tenth
    for e in (1, 8, 32):
        assert law.optimum(1e21, e) == pytest.approx(JOINT.optimum(1e21, e), rel=0.1)
    low, high = told["constants"]["alpha"]["interval"]
    assert low < JOINT.alpha < high
    # what it missed of the largest budgets is what a plan takes for its error
    assert law.rmse is not None
    assert law.rmse >= told["error"]
    assert dispatch(["plan", "flops=1e20", "network=either", "moe_law=outputs/fit/joint_moe_moe/fit.yaml"]) == 0


def test_a_law_of_vocabularies_is_found_again(capsys: pytest.CaptureFixture[str]) -> None:
    size, vocabulary, flops = grid([3e7, 1e8, 4e8, 1e9], [4096.0, 16384.0, 65536.0], [1e18, 1e19, 1e20])
    width = np.sqrt(size / 120)
    tokens = flops / 6 / (size + vocabulary * width)
    loss = np.asarray(VOCABULARY.loss(size, vocabulary * width, tokens))
    table("vocab.csv", Non_vocab_parameters=size, vocab_size=vocabulary, embed_dim=width, FLOPs=flops, Lossu=loss)
    assert dispatch(["fit", "law=vocabulary", "data=vocab.csv", "bootstrap=20"]) == 0
    assert "the best table of 1B parameters" in capsys.readouterr().out
    law = Catalogue().law("outputs/fit/vocabulary_vocab/fit.yaml")
    assert isinstance(law, VocabularyLaw)
    # no noise: what the flattest direction of the minimum leaves
    assert law.best(70e9, 8192, 7e23) == pytest.approx(VOCABULARY.best(70e9, 8192, 7e23), rel=1e-2)
    assert (law.beta, law.alpha2) == pytest.approx((0.45, 0.67), rel=1e-3)


def test_a_law_of_errors_is_found_again_from_accuracies(capsys: pytest.CaptureFixture[str]) -> None:
    loss = np.linspace(2.4, 5.5, 20)
    scores = 1 - np.asarray(ERROR.score(loss)) + 0.002 * np.random.default_rng(1).standard_normal(20)
    table("evals.csv", loss=loss, accuracy=scores)
    words = ["fit", "law=exponential_error", "data=evals.csv", "benchmark=17 tasks", "bootstrap=40"]
    assert dispatch(words) == 0
    assert "error computed as 1 - accuracy" in capsys.readouterr().out
    law = Catalogue().law("outputs/fit/exponential_error_evals/fit.yaml")
    assert isinstance(law, ExponentialError)
    assert law.benchmark == "17 tasks"
    # .002 of noise over .5 of errors
    assert float(law.score(2.2)) == pytest.approx(float(ERROR.score(2.2)), abs=0.01)


@pytest.mark.slow
def test_errors_that_follow_an_s_are_refused() -> None:
    loss = np.linspace(2.2, 3.6, 14)
    table("evals.csv", loss=loss, error=0.2 + 0.55 / (1 + np.exp(-6 * (loss - 2.7))))
    with pytest.raises(
        LehrError, match=r"without the points of the least loss misses those .*=task_ladder follows an S"
    ):
        dispatch(["fit", "law=exponential_error", "data=evals.csv", "bootstrap=0"])


@pytest.mark.slow
def test_both_steps_of_a_ladder_are_found_again_and_their_errors_are_chained() -> None:
    n, d = grid([1e8, 3e8, 1e9, 3e9], [1e10, 4e10, 1.6e11, 6e11])
    rng = np.random.default_rng(2)
    loss = LADDER.loss(n, d) * np.exp(0.002 * rng.standard_normal(n.size))
    accuracy = LADDER.sigmoid.at(loss) + 0.004 * rng.standard_normal(n.size)
    table("ladder.csv", params=n, tokens=d, task_loss=loss, acc=accuracy)
    assert dispatch(["fit", "law=task_ladder", "data=ladder.csv", "bootstrap=60"]) == 0
    law = Catalogue().law("outputs/fit/task_ladder_ladder/fit.yaml")
    assert isinstance(law, TaskLadder)
    many = replicate(law)
    assert many is not None
    whole = many.score(1.3e10, 5e12)
    assert np.quantile(whole, 0.025) < float(LADDER.score(1.3e10, 5e12)) < np.quantile(whole, 0.975)
    # the loss's own error widens what the score would have at a loss that is known
    at_loss = many.sigmoid.at(float(law.loss(1.3e10, 5e12)))
    assert np.ptp(np.quantile(whole, [0.025, 0.975])) > np.ptp(np.quantile(at_loss, [0.1, 0.9]))


def test_five_runs_fit_the_law_of_over_training(capsys: pytest.CaptureFixture[str]) -> None:
    planted = Overtraining(
        name="x", title="", n_convention="total", loss_unit="nats/token", E=1.84, a=207.0, b=367.0, eta=0.136
    )
    # four sizes at 20 tokens a parameter and the smallest once at 320 (Gadre et al. 2024, Table 1)
    n, d = np.array([11e6, 79e6, 154e6, 411e6, 11e6]), np.array([20, 20, 20, 20, 320])
    d = d * n
    table("five.csv", params=n, tokens=d, loss=np.asarray(planted.loss(n, d)))
    assert dispatch(["fit", "law=overtraining", "data=five.csv", "bootstrap=0"]) == 0
    assert "too few runs to hold out" in capsys.readouterr().out
    law = Catalogue().law("outputs/fit/five/fit.yaml")
    assert isinstance(law, Overtraining)
    assert float(law.loss(6.9e9, 138e9)) == pytest.approx(float(planted.loss(6.9e9, 138e9)), rel=1e-4)


def test_scores_in_percent_are_asked_for_their_unit() -> None:
    loss = np.linspace(2.4, 5.5, 20)
    errors = np.asarray(ERROR.score(loss))
    table("percent.csv", loss=loss, error=100 * errors)
    with pytest.raises(LehrError, match=r"a share lies between 0 and 1: write units=\{error: 0.01\}"):
        dispatch(["fit", "law=exponential_error", "data=percent.csv"])
    assert dispatch(["fit", "law=exponential_error", "data=percent.csv", "units={error: 0.01}", "bootstrap=0"]) == 0
    law = Catalogue().law("outputs/fit/exponential_error_percent/fit.yaml")
    assert isinstance(law, ExponentialError)
    assert law.epsilon == pytest.approx(0.85, rel=1e-3)
    # scores that do not follow the loss are no law's
    table("noise.csv", loss=loss, error=np.where(np.arange(20) % 2, 0.2, 0.8))
    with pytest.raises(LehrError, match=r"does not fall with the loss|does not describe them"):
        dispatch(["fit", "law=exponential_error", "data=noise.csv"])

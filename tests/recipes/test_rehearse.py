"""Rehearsals without torch: recipes made small, the corpus, the task that a program verifies, and mistakes."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.errors import LehrError
from lehr.recipes.rehearsing.corpus import END_OF_TEXT, generator, infilled, passages, read_corpus, split
from lehr.recipes.rehearsing.forecasting import SCATTER, by_power, missed, shifted
from lehr.recipes.rehearsing.result import Speed
from lehr.recipes.rehearsing.scale import OF_NAME, SCALES
from lehr.recipes.rehearsing.small_recipe import small
from lehr.recipes.rehearsing.tasks import CLOSES, closing, packed, reward, spoiled, tasks_of
from tests.recipes.test_export import lehr

CATALOGUE = Catalogue()
TINY = OF_NAME["tiny"]
RECIPES = sorted(CATALOGUE.recipes())


def made(name: str) -> object:
    recipe = CATALOGUE.recipe(name)
    return small(CATALOGUE.model(recipe.model), recipe, TINY, "rehearsal")


def test_every_scale_has_its_sizes() -> None:
    assert set(SCALES) == {*OF_NAME, "own"}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_made_small_or_refused_by_name(name: str) -> None:
    recipe = CATALOGUE.recipe(name)
    try:
        done = small(CATALOGUE.model(recipe.model), recipe, TINY, "rehearsal")
    except LehrError as error:
        said = str(error)
    else:
        said = ""
    if said:
        assert re.search("cannot be rehearsed|a rehearsal", said)
        return
    assert done.recipe.order == recipe.order
    for stage_name, stage in done.recipe.ordered():
        curve, own = stage.curve(), recipe.stages[stage_name].curve()
        assert curve is not None
        assert curve.n_steps == stage.n_steps
        if own is not None:
            # the same form at the same heights: only the lengths are others
            assert curve.peak == pytest.approx(own.peak * done.factor, rel=1e-12)
            # lengths are whole steps, so that a schedule that is cut off ends within a step of where it did
            step = float(np.abs(np.diff(curve.values())).max(initial=0.0))
            assert abs(curve.final - own.final * done.factor) <= step + 1e-12 * curve.peak
            assert {p.shape for p in curve.phases} <= {p.shape for p in own.phases}


REASONS = (
    "the network is no decoder", "the network has no head", "the network ends in a head of another kind",
    "the network has branches beside its layers", "its layers of RWKV", "its layers of Hyena",
)  # fmt: skip
"""Why a recipe is refused; no other reason is left."""


def test_most_recipes_can_be_rehearsed() -> None:
    refused: Counter[str] = Counter()
    for name in RECIPES:
        try:
            made(name)
        except LehrError as error:
            refused[next(reason for reason in REASONS if str(error).startswith(reason))] += 1
    done = len(RECIPES) - refused.total()
    print(f"{done} of {len(RECIPES)} recipes can be rehearsed; refused: {dict(refused)}")
    assert done >= 127


def test_proportions_stay() -> None:
    recipe = CATALOGUE.recipe("deepseek_v3")
    done = small(CATALOGUE.model("deepseek_v3"), recipe, TINY, "rehearsal")
    own, small_curve = recipe.stages["pt"].curve(), done.recipe.stages["pt"].curve()
    assert own is not None
    assert small_curve is not None
    at = np.linspace(0.03, 0.97, 40)
    of_peak = own.at(np.floor(at * own.n_steps)) / own.peak
    here = small_curve.at(np.floor(at * small_curve.n_steps)) / small_curve.peak
    # a step of 220 is half a hundredth of the run, in which the steepest decay falls by 0.02 of the peak
    assert np.abs(of_peak - here).max() < 0.03
    ramp = done.recipe.stages["pt"].batch
    assert ramp is not None
    assert ramp.ramp is not None
    blocks = done.model.shape().blocks
    assert {type(b.mlp).__name__ for b in blocks.values()} == {"MLP", "MoE"}
    assert {type(b.mixer).__name__ for b in blocks.values()} == {"MLA"}


def text(word: str, lines: int = 900) -> bytes:
    return "".join(f"{word}_{i} = compute_{word}(value[{i}], other(that[{i}]))\n" for i in range(lines)).encode()


def test_no_passage_that_is_held_out_is_trained_on() -> None:
    texts = [text(f"word{i}", 60) for i in range(400)]
    # each file once more with a line before it: whole files differ, their passages do not
    copies = [b"# a copy\n" + one for one in texts[:200]]
    corpus = split("made up", texts + copies + [texts[0]])
    seen = set(passages(corpus.train.tobytes()))
    assert corpus.n_left_out > 0
    for one in corpus.held_out.tobytes().split(bytes([END_OF_TEXT])):
        assert not seen & set(passages(one))


def test_a_folder_is_read_as_text_alone(tmp_path: Path) -> None:
    for i in range(60):
        (tmp_path / f"{i}.txt").write_bytes(text(f"w{i}", 90))
    before = read_corpus(str(tmp_path))
    (tmp_path / "picture.png").write_bytes(bytes(range(256)) * 10)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "secret.txt").write_bytes(text("secret"))
    (tmp_path / "copy.txt").write_bytes((tmp_path / "0.txt").read_bytes())
    read_corpus.cache_clear()
    after = read_corpus(str(tmp_path))
    assert after.digest == before.digest


@pytest.mark.parametrize("content", [b"", b"x" * 100])
def test_too_little_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    with pytest.raises(LehrError, match="write a larger folder"):
        read_corpus(str(tmp_path))


def test_pieces_keep_their_length_when_infilled() -> None:
    pieces = np.full((64, 65), 65, np.uint8)
    done = infilled(pieces, 1.0, generator(1))
    assert done.shape == pieces.shape
    assert all(sorted(row[row > 0xF0].tolist()) == [0xFB, 0xFC, 0xFD] for row in done)
    assert (infilled(pieces, 0.0, generator(1)) == pieces).all()


def test_tasks_are_verified_by_what_they_opened() -> None:
    corpus = split("made up", [text(f"word{i}", 60) for i in range(400)])
    tasks = tasks_of(corpus, 128)
    assert {prompt for prompt, _ in tasks.train}.isdisjoint(prompt for prompt, _ in tasks.held_out)
    for prompt, answer in tasks.train[:200]:
        assert reward(prompt, answer + b"\xfa") == 1.0
        wrong = spoiled(prompt, answer, generator(len(prompt)))
        assert reward(prompt, wrong + b"\xfa") == 0.0
        assert set(answer) <= set(CLOSES.values())
        # a second way to say the same: the whole line balances
        assert closing(prompt + answer) == b""


def test_examples_count_answers_alone() -> None:
    rows, counted = packed([(b"f(g[1", b"])")], 3, 40, generator(1))
    assert rows.shape == counted.shape == (3, 41)
    assert set(rows[counted == 1].tolist()) == {*b"])", 0xFA}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("model=starcoder", "scale=huge"), "scale: 'huge' is not known"),
        (("model=starcoder", "d_model=100"), "d_model: 100 is no multiple of 16; write 96"),
        (("model=starcoder", "updates=0"), "updates: 0 cannot be; write"),
        (("model=starcoder", "peak=-1"), "peak: -1 is no learning rate"),
        (("model=starcoder", "stages=[px]"), "starcoder has none called 'px'"),
        (("model=starcoder", "stages=[]"), "stages: names none"),
        (("model=starcoder", "corpus=/nowhere"), "there is no folder /nowhere"),
        (("model=starcoder", "scale=own"), "cannot be rehearsed at its own size"),
        (("model=starcoder", "scale=own", "d_model=64"), "d_model: with scale=own model and recipe say it"),
        (("model=gpt_4",), "has no recipe"),
        (("model=codebert",), "no decoder"),
        (("model=rwkv_4_169m",), "RWKV-4 cannot be rehearsed yet"),
        (("model=starcoder", "name=a/b"), "cannot name a file"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(tmp_path: Path, words: tuple[str, ...], says: str) -> None:
    if "corpus=/nowhere" in words:
        pytest.importorskip("torch")
    done = lehr("rehearse", *words, "out=o", folder=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_a_stage_that_says_too_little_is_assumed_and_said() -> None:
    recipe = CATALOGUE.recipe("starcoder")
    bare = msgspec.structs.replace(recipe.stages["pt"], schedule=None)
    done = small(
        CATALOGUE.model("starcoder"),
        msgspec.structs.replace(recipe, order=["pt"], stages={"pt": bare}, reported=[]),
        TINY,
        "rehearsal",
    )
    assert any("pt says no rates: assumed" in note for note in done.notes)


FALLING = {
    "ever slower": lambda summed: 1.7 + 0.4 * summed**-0.4,
    "by the logarithm": lambda summed: 2.0 - 0.45 * np.log(summed),
    "ever faster": lambda summed: 4.4 - 2.6 * summed**0.2,
}


@pytest.mark.parametrize("how", FALLING)
def test_a_loss_is_forecast_from_its_half_and_a_guess_is_not(how: str) -> None:
    rates = np.full(400, 1e-3)
    loss = FALLING[how](np.cumsum(rates))
    random = generator(5)
    inside = 0
    for _ in range(40):
        rows = [(i, float(loss[i] * np.exp(0.004 * random.standard_normal()))) for i in range(40, 200, 10)]
        told = by_power(rows, rates)
        assert isinstance(told["low"], float)
        assert isinstance(told["high"], float)
        # a seventh is still to fall, half of which may be missed to each side, twice over
        assert told["high"] / told["low"] < 1.5
        inside += told["low"] <= loss[-1] <= told["high"]
    # 95 % of intervals for a single run hold the law's own value, and more
    assert inside >= 38
    assert by_power([(i, 3.0) for i in (40, 50, 60, 70)], rates)["forecast"] is None


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_an_interval_grows_with_what_is_still_to_fall(share: float) -> None:
    ends = [missed(now, 2.0, 1.99, 2.01, share) for now in (2.0, 2.1, 2.4, 3.0)]
    widths = [np.log(high / low) for low, high in ends]
    assert widths == sorted(widths)
    assert all(low < 1.99 and high > 2.01 for low, high in ends)
    # a rise still to come tells as little as a fall
    assert missed(2.4, 2.0, 1.99, 2.01, share) == pytest.approx(missed(2.0**2 / 2.4, 2.0, 1.99, 2.01, share))
    # where the fall is nearly all of it, about twice the share of it to each side
    assert widths[-1] == pytest.approx(2 * 2.086 * np.hypot(share * np.log(1.5), SCATTER), rel=0.01)


class Level:
    """A law that says 2 everywhere."""

    def loss(self, rates: np.ndarray) -> np.ndarray:
        return np.full(len(rates), 2.0)


@pytest.mark.parametrize(("at", "interval"), [(2.2, (1.9, 2.1 * 1.1)), (1.8, (1.9 * 0.9, 2.1)), (2.0, (1.9, 2.1))])
def test_a_later_stages_forecast_holds_what_its_first_half_is_off_by(at: float, interval: tuple[float, float]) -> None:
    early = [(step, at) for step in (10, 12, 14)]
    said = {"forecast": 2.0, "low": 1.9, "high": 2.1, "why": "a law"}
    told = shifted(Level(), np.full(20, 1e-3), early, said)  # type: ignore[arg-type]
    assert (told["low"], told["high"]) == pytest.approx(interval)
    assert told["forecast"] == pytest.approx((2.0 * at) ** 0.5)
    # as files of the rehearsal take them
    assert msgspec.json.encode(told)


def test_a_busy_machine_is_said_beside_its_speed() -> None:
    assert Speed(measured=1e3, load=12.0, cores=2).busy
    assert not Speed(measured=1e3, load=2.2, cores=2).busy
    assert not Speed(measured=1e3).busy

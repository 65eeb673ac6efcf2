"""Decoding is strict, names the place, and never ends in a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from lehr.recipes.catalogue.decode import decode
from lehr.recipes.catalogue.entries import Model
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.yaml import load_yaml, plain
from lehr.recipes.errors import LehrError
from lehr.simulators.objectives import Fim, NextToken
from lehr.simulators.quantities import Bound
from lehr.simulators.schedules import Cosine, Warmup
from lehr.simulators.training import Stage
from tests.command import lehr

FILES = sorted(p for p in CONF.rglob("*.yaml"))
DEEPSEEK = CONF / "model" / "deepseek_v3.yaml"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(CONF)))
def test_numbers_are_read_as_omegaconf_reads_them(path: Path) -> None:
    assert load_yaml(path) == OmegaConf.to_container(OmegaConf.load(path), resolve=False)


def paths_of(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(p for key, child in children for p in paths_of(child, (*at, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    if isinstance(value, dict):
        return {k: replaced(v, path[1:], new) if k == path[0] else v for k, v in value.items()}
    return [replaced(v, path[1:], new) if i == path[0] else v for i, v in enumerate(value)]


def complaint(attempt: Callable[[], object]) -> str | None:
    """What a person is told; nothing where it works. Anything but a ``LehrError`` fails the test."""
    try:
        attempt()
    except LehrError as error:
        return str(error)
    return None


JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 10**12),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


@pytest.mark.slow
@settings(suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_spoilt_file_is_a_model_or_one_line(data: st.DataObject) -> None:
    original = load_yaml(DEEPSEEK)
    path, junk = data.draw(st.sampled_from(paths_of(original))), data.draw(JUNK)
    said = complaint(lambda: decode(replaced(original, path, junk), Model, "model"))
    assert said is None or (said.startswith("model") and "\n" not in said)


@given(content=st.binary(max_size=60))
def test_any_bytes_are_data_or_one_line(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("yaml") / "file.yaml"
    path.write_bytes(content)
    said = complaint(lambda: load_yaml(path))
    assert said is None or "\n" not in said


def test_an_error_names_the_block() -> None:
    data = load_yaml(DEEPSEEK)
    data["architecture"]["blocks"]["moe"]["mlp"]["n_expert"] = 3
    with pytest.raises(LehrError, match=r"^model\.architecture\.blocks\.moe\.mlp\.n_expert: unknown key; did you mean"):
        decode(data, Model, "model")


def test_a_missing_key_is_named() -> None:
    data = load_yaml(DEEPSEEK)
    del data["architecture"]["blocks"]["moe"]["mlp"]["top_k"]
    with pytest.raises(LehrError, match=r"blocks\.moe\.mlp: `top_k` is missing"):
        decode(data, Model, "model")


def test_no_number_may_be_infinite() -> None:
    with pytest.raises(LehrError, match="not a finite number"):
        plain({"tokens": float("inf")}, "recipe")


def test_a_users_file_wins_over_ours(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    mine = DEEPSEEK.read_text().replace("family: DeepSeek-V3", "family: Mine")
    (tmp_path / "model" / "deepseek_v3.yaml").write_text(mine)
    assert Catalogue([CONF, tmp_path]).model("deepseek_v3").family == "Mine"
    assert Catalogue().model("deepseek_v3").family == "DeepSeek-V3"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: 2\na: 3\n", ":3:1: not YAML: 'a' stands there twice"),
        ("? [a, b]\n: 1\n", "a key is no word"),
        ("a: &loop\n  b: *loop\n", "nested more than 50 deep"),
        (
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join([f'*{chr(97 + i)}'] * 10)}]\n" for i in range(12)),
            "more than 200,000 parts",
        ),
        ("a: !!python/object:os.system x\n", "not YAML"),
    ],
)
def test_what_yaml_allows_and_a_file_must_not_say(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(LehrError, match=re.escape(says)):
        load_yaml(path)


def test_an_anchor_is_what_it_points_at(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: &one {b: 1.5e3, c: [yes, 'yes', ~]}\nd: *one\ne: {<<: *one, b: 2}\n")
    one = {"b": 1500.0, "c": [True, "yes", None]}
    assert load_yaml(path) == {"a": one, "d": one, "e": {**one, "b": 2}}


def test_numbers_of_a_file_are_written_as_people_write_them(tmp_path: Path) -> None:
    stage = {
        "kind": "PT", "objective": {"kind": "next_token", "fim": {"rate": "50 %"}}, "tokens": {"at_least": "2T"},
        "steps": "2,000,000", "schedule": {"kind": "cosine", "peak": "3e-4", "warmup": {"steps": "2k"}},
        "note": "2T",
    }  # fmt: skip
    read = decode(stage, Stage, "stage")
    assert read == Stage(
        kind="PT", objective=NextToken(fim=Fim(rate=0.5)), tokens=Bound(at_least=2e12), steps=2_000_000,
        schedule=Cosine(peak=3e-4, warmup=Warmup(steps=2000)), note="2T",
    )  # fmt: skip
    for value, said in (("4k", "stage.sequence_length: 4k may be 4000 or 4096"), ("soon", "found 'soon'")):
        with pytest.raises(LehrError, match=said):
            decode({**stage, "sequence_length": value}, Stage, "stage")


def test_an_unknown_key_deep_in_a_recipe_is_told_those_that_are_there() -> None:
    stage = {"kind": "PT", "objective": {"kind": "next_token"},
             "schedule": {"kind": "wsd", "peak": 3e-4, "decay": {"over": {"steps": 201}}}}  # fmt: skip
    with pytest.raises(LehrError, match=r"decay\.over: unknown key; .*steps, tokens, fraction, shape, power"):
        decode(stage, Stage, "stage")


@pytest.mark.parametrize(
    ("assume", "said"),
    [
        (
            "{balance: {auxiliary: 0.01, counted: sideways}}",
            "assume.balance.counted: 'sideways' is not known; write one",
        ),
        ("{balance: {auxiliary: -0.1, counted: together}}", "assume.balance.auxiliary: write a number of 0 or more"),
    ],
)
def test_a_mistake_within_a_mapping_on_the_command_line_is_told_at_its_place(assume: str, said: str) -> None:
    done = lehr("export", "model=qwen3_30b_a3b", "to=trl", f"assume={assume}")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert said in done.stderr

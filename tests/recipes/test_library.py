"""The library: a fixed surface, whose functions give what the command gives and write only when asked."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lehr
from tests.recipes.test_cli import lehr as command

SURFACE = {
    "calibrate": "(table, *, fit, name, overwrite, out, config_dir, **settings)",
    "check": "(model, *, config_dir)",
    "cite": "(*names, config_dir)",
    "compare": "(*names, accelerator, devices, precision, mfu, usd_per_hour, published, out, config_dir)",
    "cost": "(model, *, out, config_dir, **settings)",
    "count": "(model, sequence_length, *, batch, dtype, rank, targets, accelerator, config_dir)",
    "explore": "(*, laws, selected, out, config_dir)",
    "rollout": "(model, *, accelerator, devices, out, config_dir, **settings)",
    "rehearse": "(model, *, recipe, out, config_dir, overrides, **settings)",
    "export": "(model, to, *, recipe, out, config_dir, **settings)",
    "export_data": "(*, out, config_dir)",
    "find": "(name, *, config_dir)",
    "layout": "(model, *, accelerator, cluster, devices, out, config_dir, **settings)",
    "layouts": "(model, over, *, config_dir, **settings)",
    "fit": "(data, *, law, test, out, config_dir, **settings)",
    "import_config": "(source, *, name, out, ignore, hf_id, overwrite)",
    "load_model": "(name, *, config_dir)",
    "load_recipe": "(name, *, config_dir)",
    "lr_scheduler": "(schedule, optimizer)",
    "models": "(*, family, kind, open, min_parameters, max_parameters, config_dir)",
    "plan": "(*, flops, hours, usd, days, devices, law, accelerator, out, config_dir, overrides, **settings)",
    "design": "(*, budget, target, law, data, out, config_dir, overrides, **settings)",
    "generation_speed": "(model, accelerator, *, prompt, response, devices, tensor, precision, cache, "
    "concurrency, prefills, config_dir)",
    "plan_schedule": "(*, law, steps, peak_rate, warmup_steps, now, out, config_dir, **settings)",
    "project": "(name, laws, assumptions, *, config_dir)",
    "reference": "(folder, *, accept, changelog, config_dir)",
    "report": "(model, *, recipe, law, out, config_dir, overrides, **settings)",
    "sweep": "(axes, *, out, config_dir, overrides, **settings)",
    "track": "(log, *, law, schedule, recipe, out, config_dir, **settings)",
}
"""What others rely on. A change here is a change for every one of them, and belongs into the changelog."""

MINE = """
name: mine
family: Mine
kind: dense
open: weights
architecture:
  d_model: 2048
  context_length: 4096
  embedding: {vocab_size: 49152, tied: true}
  blocks:
    decoder:
      mixer: {kind: attention, n_heads: 16, n_kv_heads: 4, d_head: 128, position: {kind: rope, base: 10000.0}}
      mlp: {kind: mlp, d_ff: 8192, activation: silu, gated: true}
      norm: {kind: rms_norm}
  layers: [{blocks: [decoder], repeat: 24}]
  final_norm: {kind: rms_norm}
provenance:
  default: {origin: assumed, note: our own design}
"""


def signature(function: Callable[..., Any]) -> str:
    """The parameters without annotations and defaults."""
    parameters = [
        p.replace(annotation=p.empty, default=p.empty) for p in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(parameters))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "mine.yaml").write_text(MINE)
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, which must stay empty where nothing was asked for."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_surface_is_this() -> None:
    assert set(lehr.__all__) == {*SURFACE, "LehrError", "__version__"}
    assert {name: signature(getattr(lehr, name)) for name in SURFACE} == SURFACE


@pytest.mark.parametrize("name", [*SURFACE, "LehrError"])
def test_every_public_name_has_words_and_an_example(name: str) -> None:
    said = getattr(lehr, name).__doc__
    assert said.partition("\n")[0].strip()
    assert ">>> " in said


def test_a_name_stays_itself_once_it_was_called() -> None:
    # a submodule of the same name would take its place when it is first imported
    assert lehr.check("santacoder") == lehr.check("santacoder")
    assert all(callable(getattr(lehr, name)) for name in SURFACE)


@pytest.mark.slow
def test_nothing_is_written_where_nothing_was_asked_for(here: Path, own: Path) -> None:
    lehr.count("mine", config_dir=own)
    lehr.project("starcoder")
    lehr.report("starcoder")
    lehr.check("starcoder")
    lehr.plan(flops=1e21, compare_laws=[])
    lehr.compare("starcoder", "mine", config_dir=own)
    lehr.sweep({"model": ["starcoder", "santacoder"]})
    lehr.import_config({"model_type": "llama"})
    assert contents(here) == {}


@pytest.mark.slow
def test_a_report_is_written_as_the_command_writes_it(here: Path, own: Path) -> None:
    command("report", "--config-dir", str(own), "model=mine", "recipe=starcoder", "mfu=0.4", folder=here)
    lehr.report("mine", recipe="starcoder", mfu=0.4, config_dir=own, out="again")
    written = contents(here / "outputs" / "mine")
    assert set(written) >= {"report.html", "report.md", "projection.json", "recipe.yaml"}
    assert contents(here / "again" / "mine") == written


@pytest.mark.slow
def test_a_plan_is_written_as_the_command_writes_it(here: Path) -> None:
    command("plan", "flops=1e+21", "compare_laws=[]", folder=here)
    lehr.plan(flops=1e21, compare_laws=[], out="again")
    written, again = contents(here / "outputs" / "plan" / "my_plan"), contents(here / "again" / "plan" / "my_plan")
    assert again.keys() == written.keys()
    # the head of the files says how they were asked for
    assert again["plan.json"] == written["plan.json"]


def test_a_sweep_has_the_rows_of_the_command(here: Path, own: Path) -> None:
    words = ["model=mine,starcoder", "mfu=0.2,0.4", "recipe=starcoder", "law=besiroglu"]
    command("report", "-m", "--config-dir", str(own), *words, folder=here)
    axes = {"model": ["mine", "starcoder"], "mfu": [0.2, 0.4]}
    table = lehr.sweep(axes, config_dir=own, out="again", recipe="starcoder", law="besiroglu")
    (first,), (second,) = (list((here / name / "multirun").iterdir()) for name in ("outputs", "again"))
    assert table.num_rows == 4
    assert (first / "sweep.csv").read_bytes() == (second / "sweep.csv").read_bytes()


@pytest.mark.slow
def test_a_law_file_is_taken_by_its_path(here: Path) -> None:
    rows = [
        f"{n:g},{d:g},{1.8 + 482 / n**0.35 + 2085 / d**0.37:.6f}" for n in (1e8, 3e8, 1e9) for d in (2e9, 1e10, 5e10)
    ]
    Path("my runs.csv").write_text("n,d,loss\n" + "\n".join(rows))
    fitted = lehr.fit("my runs.csv", name="mine", bootstrap=0, forms=[], starts=100, out="my laws")
    for path in ("my laws/fit/mine/fit.yaml", here / "my laws" / "fit" / "mine" / "fit.yaml"):
        assert lehr.report("starcoder", law=path).laws[0].name == fitted.law.name == "mine"
    assert lehr.fit("my runs.csv", law=path, bootstrap=0, forms=[], starts=100).settings.law == "chinchilla"


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: lehr.plan(flop=1e21), "did you mean flops"),
        (lambda: lehr.plan(flops=1e21, network="sparse"), "network: 'sparse' is not known"),
        (lambda: lehr.report("starcodr"), "did you mean starcoder"),
        (lambda: lehr.report("starcoder", config_dir="nowhere"), "config_dir: there is no folder nowhere"),
        (lambda: lehr.count("mine"), "no model is called 'mine'"),
        (lambda: lehr.compare("starcoder"), "two models or more"),
        (lambda: lehr.sweep({"model": ["starcoder"]}, overrides=["hydra/launcher=joblib"]), "no launcher"),
        (lambda: lehr.import_config({"model_type": "llama"}, out="x"), "name: the model needs one"),
    ],
)
def test_a_mistake_is_an_error_in_one_line(ask: Callable[[], Any], says: str, here: Path) -> None:
    with pytest.raises(lehr.LehrError, match=says):
        ask()
    assert contents(here) == {}


APPLICATION = """
import lehr
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

with initialize_config_dir({folder!r}, version_base="1.3"):
    before = HydraConfig.instance().cfg
    lehr.plan(flops=1e21, compare_laws=[])
    assert HydraConfig.instance().cfg is before
    print(OmegaConf.to_container(compose("app"), resolve=True))
"""


def test_a_hydra_application_around_it_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "app.yaml").write_text("a: ${oc.env:ELSEWHERE}\n")
    # in a process of its own: the command, which other tests run in this one, sets Hydra up for good
    done = subprocess.run(
        [sys.executable, "-c", APPLICATION.format(folder=str(tmp_path))],
        env={**os.environ, "ELSEWHERE": "theirs"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.strip() == "{'a': 'theirs'}", done.stderr

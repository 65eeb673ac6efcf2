"""Every job of a sweep is composed as Hydra's own basic sweeper composes it, whatever the command line says."""

# ruff: noqa: E501  (command lines stand as they would be written)

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, RangeSweep
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from omegaconf import OmegaConf

from lehr.recipes import cli
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.catalogue.yaml import plain
from lehr.recipes.composing.job import with_settings
from lehr.recipes.composing.sources import guard
from lehr.recipes.errors import LehrError
from lehr.recipes.sweeping import run, sweep

FILES = {
    "experiment/plain.yaml": "# @package _global_\ndefaults:\n  - override /model: santacoder\nmfu: 0.33\n",
    "experiment/plain_too.yaml": "# @package _global_\ndefaults:\n  - override /model: starcoder\nmfu: 0.5\n",
    "experiment/inside.yaml": "# @package _global_\nrecipe: {stages: {pt: {steps: 77}}}\ncompare_laws: []\n",
    "experiment/other_recipe.yaml": "# @package _global_\ndefaults:\n  - override /recipe: starcoder\n",
    "experiment/computed.yaml": "# @package _global_\nprecision: ${model.name}-${law.name}\n",
    "experiment/nested.yaml": "# @package _global_\ndefaults:\n  - /cluster: small\n  - override /law: chinchilla\n",
    "experiment/adding.yaml": "# @package _global_\nsite: {a: 1, b: [1, 2]}\n",
    "cluster/small.yaml": "# @package _global_\nmfu: 0.3\n",
    "cluster/big.yaml": "# @package _global_\nmfu: 0.5\ndevices: 512\n",
    "site/here.yaml": "price: 2.5\nname: here\n",
    "site/there.yaml": "price: 1.5\nname: there\n",
    "model/mine.yaml": (CONF / "model/santacoder.yaml").read_text().replace("name: santacoder", "name: mine"),
    "recipe/mine.yaml": (CONF / "recipe/santacoder.yaml").read_text().replace("model: santacoder", "model: mine"),
}

WORDS = [
    "model=starcoder", "model=starcoder,santacoder", "model=mine", "model=mine,starcoder", "model=glob(santa*)",
    "model=choice(starcoder,mine)", "model=glob([mine,starcoder])", "law=chinchilla", "law=besiroglu,chinchilla",
    "law=glob(chin*)", "accelerator=h100_sxm", "accelerator=h100_sxm,h800", "recipe=starcoder", "recipe=starcoder,santacoder",
    "mfu=0.3", "mfu=0.3,0.4", "mfu=range(0.2,0.5,0.1)", "mfu=null", "++mfu=0.2,0.6", "devices=8,16", "usd_per_hour=2",
    "precision=bf16,fp16", "precision='a b'", "compare_laws=[]", "compare_laws=[],[chinchilla]", "+extra=5",
    "+extra=5,6", "++extra=7", "+extra={a:1,b:2}", "+extra=${mfu}", "+extra=${model.name},x", "precision=${model.name}",
    "recipe.stages.pt.steps=1000", "recipe.stages.pt.steps=1000,2000", "recipe.order=[pt]", "+recipe.note=mine",
    "recipe.stages.pt.schedule.peak=1e-4,2e-4", "~recipe.stages.pt.hardware", "~mfu", "~compare_laws", "~accelerator",
    "model.architecture.layers.0.repeat=4", "model.released='2020'", "model={name:x}", "recipe.stages.pt={steps:5},{steps:6}",
    "+experiment=plain", "+experiment=plain,plain_too", "+experiment=inside", "+experiment=inside,plain",
    "+experiment=other_recipe", "+experiment=other_recipe,adding", "+experiment=computed", "+experiment=computed,plain",
    "+experiment=nested", "+experiment=nested,adding", "+experiment=adding", "+experiment=glob(plain*)",
    "+experiment=[plain,adding]", "+cluster=small", "+cluster=small,big", "+cluster=glob(*)", "+site=here",
    "+site=here,there", "+site@place=here,there", "+site@_global_=here", "site.price=3", "place.price=3,4", "+site.more=1",
    "extra.a=5", "+law@second=chinchilla", "+law@second=chinchilla,besiroglu", "forecast=true,false",
    "further_laws=[muennighoff]", "out=here", "mfu=0.3,0.4 mfu=0.5", "mfu=0.5 mfu=0.3,0.4", "law=besiroglu law=chinchilla",
]  # fmt: skip


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def command_lines(n: int) -> Iterator[list[str]]:
    """Command lines that vary in something; at most 12 jobs each."""
    draw = random.Random(20261127)
    while n:
        words = [word for text in draw.sample(WORDS, draw.randint(1, 6)) for word in text.split(" ") if "'" not in text]
        if any(w.startswith("recipe=") for w in words) and not any(w.startswith("model=") for w in words):
            # a recipe brings its own model, which Hydra does not know
            words.append("model=starcoder")
        parsed = OverridesParser.create().parse_overrides(words)
        sizes = [
            3 if isinstance(o.value(), (Glob, RangeSweep)) else len(list(o.sweep_string_iterator()))
            for o in parsed
            if o.is_sweep_override()
        ]
        jobs = 1
        for size in sizes:
            jobs *= size
        if sizes and jobs <= 12:
            n -= 1
            yield words


def of_hydra(flags: list[str], words: list[str], monkeypatch: pytest.MonkeyPatch) -> list[Any] | str:
    """What the basic sweeper gives its launcher, each composed by Hydra; or the error that it ends with."""
    found: list[Any] = []
    basic = next(s for s in Plugins.instance().discover(Sweeper) if s.__name__ == "BasicSweeper")

    def look(config: Any) -> None:
        loader = hydra.core.global_hydra.GlobalHydra.instance().config_loader()
        parsed = OverridesParser.create(config_loader=loader).parse_overrides(words)
        (batch,) = basic.split_arguments(parsed, None)  # type: ignore[attr-defined]
        master = OmegaConf.create({"hydra": HydraConfig.get()})
        for overrides in batch:
            job = loader.load_sweep_config(master, overrides)
            OmegaConf.set_struct(job, False)
            job.pop("hydra")
            # a setting that an override took away is as in the primary config
            found.append(with_settings("report", plain(OmegaConf.to_container(job, resolve=True), "hydra")))

    monkeypatch.setattr(sys, "argv", ["lehr", *flags])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    guard([])
    app = hydra.main(version_base="1.3", config_path=str(CONF), config_name="report")(look)
    try:
        app()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return found


def of_lehr(flags: list[str], words: list[str], monkeypatch: pytest.MonkeyPatch) -> list[Any] | str:
    found: list[Any] = []
    # with it an error of Hydra is the user's to debug, and not told in one line
    monkeypatch.delenv("HYDRA_FULL_ERROR")

    def look(config: Any, given: run.Arguments, words: list[str], launched: int) -> int:
        whole = sweep.Sweep(config, given)
        found.extend(plain(whole.runner.job(job).config, "lehr") for _, job in whole.jobs())
        return 0

    monkeypatch.setattr(run, "sweep", look)
    try:
        cli.dispatch(["report", "-m", *flags, *words])
    except LehrError as error:
        return str(error)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("words", list(command_lines(100)), ids=" ".join)
def test_every_job_is_hydras(words: list[str], conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    flags = ["--config-dir", str(conf)]
    theirs = of_hydra(flags, words, monkeypatch)
    ours = of_lehr(flags, words, monkeypatch)
    if isinstance(theirs, str):
        assert isinstance(ours, str), f"Hydra: {theirs}"
    else:
        assert ours == theirs

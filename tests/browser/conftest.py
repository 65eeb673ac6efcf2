"""The browser, and the pages that it opens, as ``lehr`` writes them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.browser.chromium import Browser, find
from tests.command import lehr
from tests.commands import inputs


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    program = find()
    if program is None:
        pytest.skip("no chromium is installed; LEHR_CHROMIUM names its program")
    with Browser(program, tmp_path_factory.mktemp("profile")) as running:
        yield running


PAGES = {
    "explorer.html": "explore",
    "santacoder/report.html": "report santacoder",
    "deepseek_v3/report.html": "report deepseek_v3",
    "deepcoder_14b/report.html": "report deepcoder_14b",
    "claude_opus_4_5/report.html": "report claude_opus_4_5",
    "multirun/model-mfu-*/sweep.html": "report -m model=santacoder,starcoder mfu=0.3,0.4",
    "multirun/steps-law-*/sweep.html": "report -m model=starcoder recipe.stages.pt.steps=250k,500k,1M "
    "law=besiroglu,chinchilla",
    "multirun/mfu-tokens-*/sweep.html": "report -m model=starcoder2_15b mfu=0.2,0.3,0.4,0.5 "
    "'recipe.stages.pt.tokens=range(1e12,5e12,4e11)'",
    "plan/dense/plan.html": "plan flops=1e22 name=dense",
    "plan/either/plan.html": "plan usd=2e6 accelerator=h200 network=either memory=640e9 name=either",
    "plan/days/plan.html": "plan days=30 devices=512 usd=2M size=7e9..15e9 name=days",
    "compare/deepseek_v3_kimi_k2.html": "compare deepseek_v3 kimi_k2 format=html",
    "compare/llama_3_1_8b_starcoder_santacoder.html": "compare llama_3_1_8b starcoder santacoder format=html",
    "cost/llama_3_1_405b/cost.html": "cost llama_3_1_405b page=true runs=200",
    "rollout/qwen2_5_7b/rollout.html": "rollout page=true",
    "layout/deepseek_v3/layout.html": "layout model=deepseek_v3 cluster=deepseek_h800 layout=published page=true",
}
"""Every kind of page, by the command that writes it."""

PICTURES = {
    "design/my_design/design.svg": "design budget=2e21 target=1e24 runs=12",
    "fit/runs/fit.svg": "fit data=runs.csv bootstrap=20 starts=20 pictures=true",
    "track/log/track.svg": "track log=longer/log.csv law=multi_power_25m picture=true "
    "'schedule={kind: cosine, peak: 3e-4, steps: 4000}'",
    "plan_schedule/multi_power_25m/schedules.svg": "plan schedule steps=3000",
}
"""Pictures that stand in no page, by the command that draws them."""


@pytest.fixture(scope="session")
def pages(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every page; asked for after the browser, since it takes half a minute."""
    folder = tmp_path_factory.mktemp("pages")
    inputs(folder)
    commands = [*PAGES.values(), *PICTURES.values()]
    with ThreadPoolExecutor(2) as turns:
        for command, done in zip(
            commands, turns.map(lambda c: lehr(*shlex.split(c), folder=folder), commands), strict=True
        ):
            # a run that left its forecast is a picture too
            assert done.returncode == (1 if command.startswith("track") else 0), f"lehr {command}: {done.stderr}"
    return folder / "outputs"

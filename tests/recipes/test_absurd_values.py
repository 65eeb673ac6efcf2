"""Numbers, names and files that nobody means are refused in one line, and nothing is written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import CONF
from lehr.recipes.cli import main
from tests.commands import CONFIG

SANTACODER = (CONF / "model" / "santacoder.yaml").read_text()
STAGE = {"kind": "PT", "objective": {"kind": "next_token"}, "tokens": 1e9, "sequence_length": 2048,
         "batch": {"sequences": 8}, "schedule": {"kind": "cosine", "peak": 1e-4}}  # fmt: skip
LONG = "s" * 270
RECIPE = {"name": "mine", "model": "santacoder", "order": [LONG], "stages": {LONG: STAGE},
          "provenance": {"default": {"origin": "assumed", "note": "ours"}}}  # fmt: skip
LOG = "schedule={kind: cosine, peak: 3e-4, steps: 5000}"

FILES = {
    "conf/model/open.yaml": SANTACODER.replace("family: SantaCoder", "family: ???"),
    "conf/model/merged.yaml": f"defaults: [starcoder]\n{SANTACODER}",
    "conf/model/CON.yaml": SANTACODER.replace("name: santacoder", "name: CON"),
    "conf/model/long.yaml": f"{SANTACODER}\nnote: {'x' * (20 << 20)}\n",
    "conf/recipe/mine.yaml": json.dumps(RECIPE),
    "conf/experiment/loop.yaml": "# @package _global_\ndefaults: [_self_, loop]\n",
    "config.json": json.dumps(CONFIG),
    "cut.csv": "\nste\n",
    "digits.json": f'[{{"n": {"9" * 5000}, "d": 1e9, "loss": 3.0}}]',
    "vast.csv": "n,d,loss\n" + "".join(f"1e300,{i}e9,{3 - i / 100}\n" for i in range(1, 20)),
    "cells.csv": f'n,d,loss\n"{"x" * 5000}",1e9,3\n',
    "cell.csv": f'n,d,loss\n1e6,1e9,3.1\n"{"y" * 200_000}",1e9,3\n',
    "loss.csv": "n,d,loss\n" + "".join(f"{i}e6,{i}e9,1e300\n" for i in range(1, 20)),
}

REFUSED = {
    "a utilisation of 1e-300": ("report mfu=1e-300", "mfu: 1e-300 is below"),
    "more devices than there are": ("report devices=9223372036854775808", "devices: 9223372036854775808 is above"),
    "a price of 1e308": ("report usd_per_hour=1e308", "usd_per_hour: 1e+308 is above"),
    "a price of 1e-300": ("report usd_per_hour=1e-300", "usd_per_hour: 1e-300 is below"),
    "work of 1e300": (
        "report model=santacoder train_flops=1e300",
        "train_flops: 1e+300 is above 1e+30; write an amount",
    ),
    "work of 1e-300": ("report model=santacoder train_flops=1e-300", "train_flops: 1e-300 is below 1; write an amount"),
    "1e30 steps": ("report model=santacoder recipe.stages.pt.steps=1e30", "recipe.stages.pt.steps"),
    "10**30 steps": (f"report model=santacoder recipe.stages.pt.steps={10**30}", "recipe.stages.pt.steps"),
    "2**63 tokens of a sequence": ("count sequence_length=9223372036854775808", "write a number of tokens"),
    "a batch of 1e30": ("count batch=1e30", "batch: "),
    "a width of 1e30": ("count model=santacoder model.architecture.d_model=1e30", "d_model"),
    "1e30 steps of a plan": ("plan schedule steps=1e30", "steps: "),
    "a number for a word": ("rehearse model=starcoder scale=0", "scale: '0' is not known"),
    "1e9 steps of a plan": ("plan schedule 1e9", "steps: 1e+09 is above 1e+07"),
    "1e14 steps of a plan": ("plan schedule steps=1e14", "steps: 1e+14 is above 1e+07"),
    "a rate of 1e300": ("plan schedule peak_rate=1e300", "no law reaches 1e+300"),
    "a rate of 1e-300": ("plan schedule peak_rate=1e-300", "no law reaches 1e-300"),
    "a budget of 1e300": ("plan flops=1e300", "write at most 1e+28"),
    "a budget of 1e308 hours": ("plan hours=1e308", "more than a number holds"),
    "a budget of 1e308 dollars": ("plan usd=1e308", "more than a number holds"),
    "a plan at 1e-300 of the peak": ("plan flops=1e22 mfu=1e-300", "mfu: 1e-300 is below"),
    "1e9 devices of a layout": ("layout accelerator=h100_sxm devices=1e9", "devices: 1000000000 is above"),
    "a step of 1e18 sequences": ("layout accelerator=h100_sxm devices=8 global_batch=1e18", "global_batch"),
    "an export to 2**63 devices": ("export model=santacoder to=trl devices=9223372036854775808", "devices: "),
    "a stage's name of 270 letters": (
        "report --config-dir conf model=santacoder recipe=mine",
        "has a name of 270 characters; write a shorter one",
    ),
    "a family left open": ("count --config-dir conf model=open", "family: is left open (???)"),
    "another model merged in": ("count --config-dir conf model=merged", "`defaults` has no place here"),
    "a note of 20 MB": ("count --config-dir conf model=long", "more than 4 MiB"),
    "a report called CON": ("report --config-dir conf model=CON recipe=santacoder", "'CON' cannot name a file"),
    "an import called NUL": ("import path=config.json name=NUL", "'NUL' cannot name a file"),
    "an import called con": ("import path=config.json name=con", "'con' cannot name a file"),
    "a plan called AUX": ("plan flops=1e22 name=AUX", "'AUX' cannot name a file"),
    "a fit called lpt1": ("fit data=loss.csv name=lpt1", "'lpt1' cannot name a file"),
    "an experiment that names itself": ("report --config-dir conf +experiment=loop", "names itself in its defaults"),
    "a heading that was cut": (f"track|log=cut.csv|{LOG}", "has a heading and no rows"),
    "5,000 digits": ("fit data=digits.json", "more digits than can be read"),
    "1e300 parameters": ("fit data=vast.csv", "more than any training has"),
    "a loss of 1e300": ("fit data=loss.csv", "loss"),
    "a cell of 5,000 letters": ("fit data=cells.csv", "n is 'xxx"),
    "a cell of 200,000 letters": ("fit data=cell.csv", "not CSV"),
    "720 MB in a small file, tracked": (f"track|log=bomb.csv.gz|{LOG}", "longer than 256 MiB"),
    "720 MB in a small file, fitted": ("fit data=bomb.csv.gz", "longer than 256 MiB"),
    "720 MB in a small file, as a curve": ("fit law=multi_power data=bomb.csv.gz", "longer than 256 MiB"),
}


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """720 MB of rows, packed."""
    return gzip.compress(b"1,2.0,1e-4\n" * 110_000, compresslevel=6) * 600


@pytest.mark.parametrize("case", REFUSED)
def test_what_nobody_means_is_refused_in_one_line(
    case: str, bomb: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    command, says = REFUSED[case]
    monkeypatch.chdir(tmp_path)
    words = command.split("|") if "|" in command else command.split()
    for name, text in FILES.items():
        if Path(name).name in command or (name.startswith("conf/") and "conf" in words and Path(name).stem in command):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text)
    if "bomb" in command:
        Path("bomb.csv.gz").write_bytes(gzip.compress(b"step,loss,lr\n") + bomb)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SystemExit) as stopped:
        main(words)
    said = capfd.readouterr()
    assert (stopped.value.code, said.out) == (2, ""), said
    assert len(said.err.splitlines()) == 1, said.err
    assert len(said.err) < 600
    assert says in said.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_a_loss_of_1e300_in_a_log_is_seen_without_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{10 * i},{1e300 if i == 30 else 3},1e-4\n" for i in range(1, 60)]
    Path("log.csv").write_text("step,loss,lr\n" + "".join(rows))
    with pytest.raises(SystemExit) as stopped:
        main(["track", "law=multi_power_25m", "log=log.csv", LOG])
    assert stopped.value.code == 1
    assert capfd.readouterr().err == ""


SOURCE = """
evil:
  title: "x](javascript:alert(1)) <img src=x onerror=alert(2)>"
  url: "{url}"
  authors: "A. [b](javascript:alert(3)) <script>alert(4)</script>"
  year: 2024
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "url",
    ["javascript:alert(5)", "data:text/html,<script>", "https://a.org/) <script>alert(6)</script> [x](javascript:y"],
)
def test_a_source_brings_no_link_that_runs(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf" / "sources").mkdir(parents=True)
    (tmp_path / "conf" / "recipe").mkdir()
    (tmp_path / "conf" / "sources" / "evil.yaml").write_text(SOURCE.format(url=url))
    cited = {"default": {"origin": "published", "source": "evil", "place": "<b>[p](javascript:z)"}}
    recipe = {**RECIPE, "order": ["pt"], "stages": {"pt": STAGE}, "provenance": cited}
    (tmp_path / "conf" / "recipe" / "mine.yaml").write_text(json.dumps(recipe))
    with pytest.raises(SystemExit) as stopped:
        main(["report", "--config-dir", "conf", "model=santacoder", "recipe=mine"])
    assert stopped.value.code == 0
    text = (tmp_path / "outputs/santacoder/report.md").read_text()
    assert "javascript:alert" in text or not url.startswith("javascript"), "the source is not shown"
    for bad in ("](javascript:", "](data:", " <script", " <img", "](https://a.org/)"):
        assert bad not in text.replace("\\](", "").replace("\\<", ""), bad
    page = (tmp_path / "outputs/santacoder/report.html").read_text()
    assert 'href="javascript:' not in page
    assert 'href="data:' not in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page

"""A mistake is one line that says where and what to write instead, with exit status 2 and nothing written."""

import os
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests import command

MISTAKES = {
    "what another verb calls it": (["track", "data=run.csv"], "did you mean log?"),
    "a model's name": (["count", "model=deepsek_v3"], "did you mean deepseek_v3?"),
    "a verb's name": (["cuont"], "did you mean count?"),
    "a setting's name": (["count", "sequence_lenght=8"], "did you mean sequence_length?"),
    "a key deep in a file": (["count", "model.architecture.blocks.moe.mlp.n_expert=8"], "did you mean n_experts?"),
    "an added key": (["count", "+model.architecture.d_modl=8"], "did you mean d_model?"),
    "a layer kind": (["count", "model.architecture.blocks.moe.mixer.kind=mlaa"], "did you mean mla?"),
    "heads": (
        ["count", "model=starcoder", "model.architecture.blocks.decoder.mixer.n_kv_heads=7"],
        "write n_kv_heads: one of 1, 2, 3, 4, 6, 8, 12, 16, 24, 48",
    ),
    "experts": (["count", "model.architecture.blocks.moe.mlp.top_k=300"], "write top_k: 256 or less"),
    "a negative size": (["count", "model.architecture.d_model=-1"], "write a whole number of 1 or more (found -1)"),
    "a word for a number": (["count", "model.architecture.d_model=big"], "(found 'big')"),
    "a block that is not there": (["count", "model.architecture.mtp.block=mo"], "no block is called 'mo'"),
    "a broken override": (["count", "model=[deepseek_v3"], "write key=value"),
    "a sequence of no tokens": (["count", "sequence_length=0"], "write a number of tokens"),
    "a filter's value": (["models", "kind=mixture"], "write one of"),
    "a law's name": (["report", "law=chinchila"], "did you mean chinchilla?"),
    "an accelerator's name": (["report", "accelerator=h10_sxm"], "did you mean h100_sxm?"),
    "negative tokens": (["report", "recipe.stages.pt.tokens=-1"], "recipe.stages.pt"),
    "a warm-up longer than the stage": (
        ["report", "model=starcoder", "recipe.stages.pt.schedule.warmup.steps=300000"],
        "stage pt",
    ),
    "a group set to nothing": (["count", "model=null"], "write ~model"),
    "a group taken away": (["count", "~model"], "write model=deepseek_v3"),
    "a flag that is none": (["count", "--model", "starcoder"], "settings are written key=value"),
    "a flag without its value": (["count", "--config-dir"], "settings are written key=value"),
    "a recipe's name": (
        ["report", "model=starcoder", "recipe=starcodr"],
        "no recipe is called 'starcodr'; did you mean",
    ),
    "a recipe's name of an export": (["export", "model=starcoder", "recipe=nope"], "no recipe is called 'nope'; "),
    "a range of 10¹² values": (["report", "-m", "mfu=range(0,1e9,1e-3)"], "has 1e+12 values; write a larger step"),
    "a range of a verb without sweeps": (["count", "-m", "sequence_length=range(1,1000000000)"], "has 1e+09 values"),
    "ranges of 8 × 10⁷ jobs": (
        [
            "report",
            "-m",
            "model=starcoder",
            "mfu=range(0.1,0.2,1e-4)",
            "devices=range(1,9999)",
            "usd_per_hour=range(1,9)",
        ],
        "jobs; write fewer values, for at most 10,000,000",
    ),
    "a range without a width": (["report", "-m", "mfu=range(0.2,0.7,0)"], "must not be zero; write range(start,stop"),
    "a range without steps": (["count", "-m", "sequence_length=range(1,3,0)"], "must not be zero"),
    "several values without a sweep": (["count", "model=starcoder,santacoder"], "add -m"),
    "a list of files": (["count", "model=[starcoder,nope]"], "one file stands here"),
    "a list of laws": (["plan", "flops=1e21", "law=[besiroglu,chinchilla]"], "-m law=besiroglu,chinchilla"),
    "a folder for a file": (["count", "model=/tmp"], "Is a directory"),
    "an environment variable that is not set": (["count", "sequence_length=${oc.env:NOPE}"], "'NOPE' not found"),
    "one of a few words": (["count", "model.kind=densee"], "did you mean dense?"),
    "a format": (["models", "format=jsno"], "did you mean json?"),
    "a verb of two words": (["plan", "schedul"], "did you mean plan schedule?"),
    "a shell": (["completion", "fish"], "write one of bash, zsh"),
    "a name that leaves the folder": (["report", "model.name=../../x"], "cannot name a file"),
    "a model without a name": (["report", "model.name="], "cannot name a file"),
    "a law's constant": (["report", "law.alpha=-1"], "law.alpha: write a number above 0"),
    "a reported figure": (
        ["report", 'recipe.reported=[{quantity:tokens,stage:pt,printed:"abc",source:x,place:x}]'],
        "deepseek_v3.pt: reported tokens: 'abc' is not a number",
    ),
    "more steps than memory": (["plan", "schedule", "steps=1e14"], "is above 1e+07; write the updates of a run"),
    "no shape": (["plan", "schedule", "shapes=[]"], "shapes: none is named"),
    "a level of a cool-down": (["plan", "schedule", "now=18000", "level=95"], "write level=0.95 or level=95%"),
    "no data": (
        ["plan", "flops=1e22", "unique_tokens=0"],
        "unique_tokens: write a number of 1,000,000 or more",
    ),
    "less than no inference": (
        ["plan", "flops=1e22", "served_tokens=-1"],
        "served_tokens: write a number of 0 or more",
    ),
    "no memory": (["plan", "flops=1e22", "memory=0"], "memory: write a number above 0"),
    "a negative price": (
        ["plan", "flops=1e22", "usd_per_hour=-1"],
        "usd_per_hour: -1 is below 1e-06; write what an hour costs",
    ),
    "no expansion": (["plan", "flops=1e22", "network=moe", "expansions=[]"], "write expansions=[2,4,8]"),
    "a plan called like a model": (["plan", "flops=1e22", "name=starcoder"], "the catalogue has a model called"),
    "an import called like a model": (["import", "path=config.json", "name=starcoder"], "the catalogue has a model"),
    "months": (["plan", "days=1month"], "days: '1month' is no number of days; write days=30"),
    "points for thousands": (["plan", "usd=1.000.000"], "usd: '1.000.000' is not understood as a number"),
    "a mapping with a new key": (
        ["report", "model=starcoder", "recipe.stages.pt.schedule={kind: wsd, decay: {fraction: 0.2}}"],
        "recipe.stages.pt.schedule: is given a key that is not there yet; write ++recipe.stages.pt.schedule={...}",
    ),
    "a recipe where none is taken": (
        ["rollout", "recipe=starcoder"],
        "recipe: unknown key; lehr rollout takes model, accelerator",
    ),
    "a utilisation of 40": (["report", "mfu=40"], "write mfu=0.4 or mfu=40%"),
    "a utilisation that nothing has": (
        ["report", "mfu=1e-300"],
        "mfu: 1e-300 is below 1e-06; write a share of the peak",
    ),
    "more devices than there are": (
        ["plan", "days=1", "devices=9223372036854775808"],
        "is above 10,000,000; write a number",
    ),
    "a price that nobody asks": (
        ["report", "usd_per_hour=1e308"],
        "usd_per_hour: 1e+308 is above 1,000,000; write what",
    ),
}


def lehr(arguments: list[str], folder: Path) -> CompletedProcess[str]:
    return command.lehr(*arguments, folder=folder)


@pytest.mark.parametrize(("arguments", "advice"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line(arguments: list[str], advice: str, tmp_path: Path) -> None:
    done = lehr(arguments, tmp_path)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert advice in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_syntax_error_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine.yaml").write_text("name: mine\nkind: [dense\nopen: weights\n")
    done = lehr(["count", "--config-dir", str(tmp_path), "model=mine"], tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "mine.yaml" in done.stderr
    assert "line 3" in done.stderr or ":3:" in done.stderr


@pytest.mark.slow
def test_an_unwritable_folder_leaves_the_earlier_report(tmp_path: Path) -> None:
    earlier = tmp_path / "out" / "starcoder"
    earlier.parent.mkdir()
    earlier.write_text("a file where the folder would go")
    done = lehr(["report", "model=starcoder", f"out={tmp_path / 'out'}"], tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "write another folder with out=" in done.stderr
    assert [p.name for p in earlier.parent.iterdir()] == ["starcoder"]
    assert earlier.read_text() == "a file where the folder would go"


@pytest.mark.slow
def test_an_output_folder_inside_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = lehr(["report", "model=starcoder", f"out={tmp_path / 'file' / 'out'}"], tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_bases_that_go_round(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    for name, base in (("one", "two"), ("two", "one")):
        (tmp_path / "recipe" / f"{name}.yaml").write_text(
            f"name: {name}\nmodel: starcoder\nbase: {{model: {base}, tokens: 1e12}}\norder: [pt]\n"
            "stages: {pt: {kind: PT, objective: {kind: next_token}, tokens: 1e12, sequence_length: 2048}}\n"
            "provenance: {default: {origin: assumed, note: a test}}\n"
        )
    done = lehr(["report", "--config-dir", str(tmp_path), "model=starcoder", "recipe=one"], tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "its base comes back to one" in done.stderr


def test_a_base_that_is_nowhere(tmp_path: Path) -> None:
    done = lehr(["report", "model=diffucoder_7b", "recipe.base.model=qwen2_5_coder_7bb"], tmp_path)
    assert done.returncode == 2
    assert "did you mean qwen2_5_coder_7b?" in done.stderr


def test_runs_of_one_loss(tmp_path: Path) -> None:
    rows = "".join(f"{n}e8,{5 * n % 13}e9,2.5\n" for n in range(1, 13))
    (tmp_path / "same.csv").write_text("n,d,loss\n" + rows)
    done = lehr(["fit", "data=same.csv"], tmp_path)
    assert done.returncode == 2
    assert "every run has the loss 2.5" in done.stderr


def test_a_warm_up_as_long_as_the_log(tmp_path: Path) -> None:
    rows = "".join(f"{step},{3 + 1 / step},3e-4\n" for step in range(10, 1000, 10))
    (tmp_path / "run.csv").write_text("step,loss,lr\n" + rows)
    done = lehr(["fit", "law=multi_power", "data=[run.csv]", "warmup_steps=5000"], tmp_path)
    assert done.returncode == 2
    assert "leaves nothing of the log's 990 steps" in done.stderr


def test_a_network_without_layers(tmp_path: Path) -> None:
    done = lehr(["count", "model=starcoder", "model.architecture.layers=[]"], tmp_path)
    assert done.returncode == 2
    assert "`layers` is empty" in done.stderr


def test_a_table_nested_without_end(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 100_000)
    done = lehr(["fit", "data=deep.json"], tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr


def test_a_name_that_the_catalogue_has_too(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    own = Path(__file__).parents[2].joinpath("conf", "model", "santacoder.yaml").read_text()
    (tmp_path / "model" / "starcoder.yaml").write_text(own)
    done = lehr(["count", "--config-dir", str(tmp_path), "model=starcoder"], tmp_path)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "model/starcoder.yaml: the catalogue has a model of that name" in done.stderr
    done = lehr(["count", f"model={tmp_path}/model/starcoder.yaml"], tmp_path)
    assert done.stdout.startswith("santacoder")


def test_a_sweep_over_nothing(tmp_path: Path) -> None:
    done = lehr(["count", "-m", "model=glob(zzz*)"], tmp_path)
    assert done.returncode == 2, done.stdout
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "model=glob(zzz*): matches nothing" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["fit", "data=pipe.csv"],
        ["fit", "law=multi_power", "data=pipe.csv"],
        ["fit", "data=pipe.parquet"],
        ["report", "model=./pipe.yaml"],
        ["import", "path=pipe.json", "name=mine"],
        ["track", "log=/dev/zero", "schedule={kind: cosine, peak: 3e-4, steps: 50}"],
        ["plan", "flops=1e22", "law=./zero.yaml"],
    ],
    ids=" ".join,
)
def test_what_has_no_end_is_not_read(arguments: list[str], tmp_path: Path) -> None:
    for name in ("pipe.csv", "pipe.parquet", "pipe.yaml", "pipe.json"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    before = sorted(tmp_path.iterdir())
    done = lehr(arguments, tmp_path)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "pipe or a device" in done.stderr
    assert sorted(tmp_path.iterdir()) == before


BOMBS = {
    "aliases of aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "merges of merges": "a: &a {k: 1}\n" + "".join(f"x{i}: &x{i} {{<<: [*a, *a, *a]}}\n" for i in range(3)) + "<<: 1\n",
    "300 levels": "a: " + "[" * 300 + "]" * 300,
    "100,000 levels": "a: " + "[" * 100_000,
    "levels of indentation": "".join(f"{' ' * i}a:\n" for i in range(3000)),
    "a list that holds itself": "a: &a [*a]",
    "a number that is none": "a: !!int abc",
    "a truth that is none": "a: !!bool abc",
    "a date": "a: !!timestamp 2020-13-99",
    "a set": "? !!set {a, b}\n: 1",
    "a number of 5,000 digits": f"a: {'9' * 5000}",
    "half a character": 'name: "\\ud800"',
    "a width of 1e30": "name: mine\nfamily: a\nkind: dense\nopen: weights\narchitecture: {d_model: 1e30}\n"
    "provenance: {default: {origin: assumed, note: x}}\n",
    "not a mapping": "- 1",
    "nothing": "",
    "5 MiB of a note": f"note: {'x' * (5 << 20)}",
}
MANY = "a:\n" + "- {x: 1}\n" * 200_000


@pytest.mark.parametrize(
    "text", [*BOMBS.values(), pytest.param(MANY, marks=pytest.mark.slow)], ids=[*BOMBS, "100,000 layers"]
)
def test_a_file_that_would_not_end_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "conf" / "model" / "mine.yaml").write_text(text)
    done = lehr(["count", "--config-dir", "conf", "model=mine"], tmp_path)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "mine.yaml" in done.stderr or "model" in done.stderr

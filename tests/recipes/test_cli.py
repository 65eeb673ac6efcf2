"""The command line as a Hydra user and a shell know it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.cli import VERBS
from lehr.recipes.composing.job import Composed
from tests import command

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def lehr(*arguments: str, folder: Path) -> str:
    done = command.lehr(*arguments, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_without_a_verb_it_lists_them(tmp_path: Path) -> None:
    for arguments in ([], ["--help"]):
        shown = lehr(*arguments, folder=tmp_path)
        assert all(f"  {verb}" in shown for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_our_own_text_with_examples(verb: str, tmp_path: Path) -> None:
    shown = lehr(verb, "--help", folder=tmp_path)
    assert shown.startswith(f"lehr {verb}: ")
    assert f"  lehr {verb} " in shown


@pytest.mark.parametrize("verb", VERBS)
def test_the_composed_configuration_is_shown(verb: str, tmp_path: Path) -> None:
    assert "out: " in lehr(verb, "--cfg", "job", folder=tmp_path)
    assert "Config search path" in lehr(verb, "--info", "searchpath", folder=tmp_path)


def test_count_prints_what_a_program_reads(tmp_path: Path) -> None:
    counts = json.loads(lehr("count", "model=deepseek_v3", "format=json", folder=tmp_path))
    assert counts["model"] == "deepseek_v3"
    assert counts["hf_id"] == "deepseek-ai/DeepSeek-V3"
    assert counts["parameters"]["total"] == 671_026_404_352
    assert counts["parameters"]["total"] + counts["buffers"] == 671_026_419_200
    assert counts["parameters"]["active"] == {
        "all": 37_552_282_624,
        "excl_input_embedding": 36_625_603_584,
        "excl_embeddings": 35_698_924_544,
    }
    assert counts["extras"]["mtp"] == 11_610_067_968
    assert set(counts) >= {"flops_per_token", "kv_cache_bytes_per_token"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_models_prints_what_a_program_reads(tmp_path: Path) -> None:
    models = json.loads(lehr("models", "format=json", folder=tmp_path))
    assert {"name", "hf_id", "family", "kind", "open"} <= set(models[0])
    assert "deepseek_v3" in {m["name"] for m in models}
    assert {m["kind"] for m in json.loads(lehr("models", "kind=moe", "format=json", folder=tmp_path))} == {"moe"}
    small = json.loads(lehr("models", "max_parameters=2e9", "format=json", folder=tmp_path))
    assert small
    assert all(m["parameters"] <= 2e9 for m in small)


@pytest.mark.parametrize(
    ("family", "found"),
    [
        ("starcoder", {"StarCoder"}),
        ("codellama", {"Code Llama"}),
        ("DeepSeek-V3", {"DeepSeek-V3"}),
        ("llama", {"LLaMA-1", "Llama-2", "Llama-3", "Llama-3.1", "LLaMA-4"}),
    ],
)
def test_a_family_is_found_by_how_its_name_begins(family: str, found: set[str], tmp_path: Path) -> None:
    models = json.loads(lehr("models", f"family={family}", "open=Weights", "format=json", folder=tmp_path))
    assert {m["family"] for m in models} == found


@pytest.mark.slow
def test_letters_beyond_ascii_need_no_quotes(tmp_path: Path) -> None:
    assert "pre_training" in lehr("find", "name=попереднє навчання", folder=tmp_path)
    lehr("report", "model=codebert", "out=звіт", folder=tmp_path)
    assert (tmp_path / "звіт" / "codebert" / "report.html").is_file()


def test_a_multirun_counts_each_model(tmp_path: Path) -> None:
    shown = lehr("count", "-m", "model=starcoder,santacoder", folder=tmp_path)
    assert "15,517,456,384" in shown
    assert "1,124,886,528" in shown


def test_a_multirun_that_an_experiment_asks_for_is_one(tmp_path: Path) -> None:
    (tmp_path / "conf" / "experiment").mkdir(parents=True)
    both = "# @package _global_\nhydra: {mode: MULTIRUN, sweeper: {params: {model: 'starcoder,santacoder'}}}\n"
    (tmp_path / "conf" / "experiment" / "both.yaml").write_text(both)
    shown = lehr("count", "--config-dir", "conf", "+experiment=both", folder=tmp_path)
    assert "15,517,456,384" in shown
    assert "1,124,886,528" in shown


@pytest.mark.slow
def test_the_jobs_of_a_multirun_write_each_its_own(tmp_path: Path) -> None:
    lehr("plan", "-m", "days=1,2", "devices=512", folder=tmp_path)
    lehr("compare", "-m", "starcoder", "santacoder", "format=html,text", folder=tmp_path)
    lehr("compare", "starcoder", "santacoder", "format=html", folder=tmp_path)
    found = sorted(str(p.relative_to(tmp_path / "outputs")) for p in (tmp_path / "outputs").rglob("*.html"))
    assert found == [
        "compare/starcoder_santacoder.html",
        "multirun/days=1_devices=512/plan/my_plan/plan.html",
        "multirun/days=2_devices=512/plan/my_plan/plan.html",
        "multirun/format=html_names=[starcoder,santacoder]/compare/starcoder_santacoder.html",
    ]


def test_an_override_that_is_longer_than_a_files_name_still_names_a_folder(tmp_path: Path) -> None:
    names = [f"{'n' * 300}{i}" for i in range(2)]
    folders = {
        Composed({"out": str(tmp_path)}, Catalogue(), [f"name={name}", f"out={tmp_path}"], True).folder()
        for name in names
    }
    assert len(folders) == 2
    for folder in folders:
        folder.mkdir(parents=True)


@pytest.mark.parametrize("flags", [["--config-dir", "my_cnof"], ["--config-dir=my_cnof"], ["-cd", "my_cnof"]])
def test_a_misspelt_folder_is_no_catalogue_without_it(tmp_path: Path, flags: list[str]) -> None:
    done = command.lehr("report", *flags, "model=starcoder", folder=tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [])
    assert done.stderr.startswith(
        f"lehr: {flags[0].partition('=')[0]}: there is no folder my_cnof; write one that holds"
    )


@pytest.mark.slow
def test_a_folder_that_is_written_whole_has_a_name(tmp_path: Path) -> None:
    done = command.lehr("export-data", "out=", folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), list(tmp_path.iterdir())) == (2, 1, [])
    assert "out: write the name of a folder" in done.stderr


def test_a_model_of_ones_own_needs_one_file(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "guide.md").read_text()
    block = text.partition("`my_conf/model/mine.yaml`:\n\n```yaml\n")[2].partition("```")[0]
    (tmp_path / "my_conf" / "model").mkdir(parents=True)
    (tmp_path / "my_conf" / "model" / "mine.yaml").write_text(block)
    arguments = ("count", "--config-dir", "my_conf", "model=mine", "format=json")
    # 4 of 16 heads have keys and values: attention is (1 + 1/4 + 1/4 + 1) d^2; the gated MLP is 3 x 4 d^2
    d = 2048
    expected = 24 * (d * d * 5 // 2 + 12 * d * d + 2 * d) + 49152 * d + d
    assert json.loads(lehr(*arguments, folder=tmp_path))["parameters"]["total"] == expected


def test_the_completion_script_completes_verbs_names_and_keys(tmp_path: Path) -> None:
    if not (BIN / "lehr").exists() or not shutil.which("bash"):
        pytest.skip("needs bash and an installed lehr")
    script = """
    eval "$(lehr completion bash)"
    complete_line() {
      COMP_LINE="$1"; COMP_POINT=${#1}; read -ra COMP_WORDS <<< "$1"
      COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )); COMPREPLY=(); _lehr; echo "${COMPREPLY[*]}"
    }
    complete_line "lehr cou"
    complete_line "lehr count model=stardoes"
    complete_line "lehr count model=santa"
    complete_line "lehr count model=deepseek_v3 model.architecture.d_m"
    """
    done = subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PATH": f"{BIN}:/usr/bin:/bin"},
        check=True,
    )
    assert done.stdout.split("\n")[:4] == ["count", "", "model=santacoder", "model.architecture.d_model="]


def test_flags_may_stand_between_overrides(tmp_path: Path) -> None:
    words = ["sequence_length=8", "--config-dir", str(tmp_path), "model=santacoder", "format=json"]
    assert json.loads(lehr("count", *words, folder=tmp_path))["sequence_length"] == 8
    assert "santacoder" in lehr("count", "--info", "model=santacoder", folder=tmp_path)


def test_a_setting_that_is_missing_is_as_in_the_primary_config(tmp_path: Path) -> None:
    (tmp_path / "short.yaml").write_text("defaults: [{model: santacoder}, {runtime: lehr}, _self_]\n")
    shown = lehr("count", "--config-dir", str(tmp_path), "--config-name", "short", folder=tmp_path)
    assert "1,124,886,528" in shown


@pytest.mark.slow
def test_jobs_of_another_launcher_are_no_empty_sweep(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    # an engine keeps processes of its own: it wants an interpreter of its own
    line = [sys.executable, "-m", "lehr", "count", "-m", "model=starcoder,santacoder", "hydra/launcher=joblib"]
    subprocess.run(line, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}, check=True)

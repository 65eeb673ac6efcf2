"""A file that someone sends is read as data: nothing in it runs, and nothing of the reader's machine enters it."""

# ruff: noqa: E501  (each attack stands as it would be sent)

from pathlib import Path

import pytest

from lehr.recipes.catalogue.data import GROUPS, check_data, load_data
from lehr.recipes.catalogue.files import CONF, Catalogue
from lehr.recipes.catalogue.yaml import load_yaml
from lehr.recipes.cli import main
from lehr.recipes.errors import LehrError

# an object that leaves a file behind when it is made, and that Hydra's own list of refusals does not know
TARGET = "{{_target_: logging.FileHandler, filename: {canary}}}"

MODEL = (CONF / "model" / "santacoder.yaml").read_text().replace("name: santacoder", "name: sent")
RECIPE = (CONF / "recipe" / "santacoder.yaml").read_text()
LAW = (CONF / "law" / "chinchilla.yaml").read_text()

DATA = {
    "a callback": "# @package _global_\nhydra: {{callbacks: {{x: {target}}}}}\n{body}",
    "a callback after a comment": "# @package _global_\n# mine\n{body}\nhydra: {{callbacks: {{x: {target}}}}}",
    "a callback, the header after an empty line": "\n\n#@package _global_\nhydra: {{callbacks: {{x: {target}}}}}\n{body}",
    "a callback after a byte-order mark": "\ufeff# @package _global_\nhydra: {{callbacks: {{x: {target}}}}}\n{body}",
    "a header alone": "# @package _global_\n{body}",
    "a package of Hydra": "# @package hydra.callbacks\nx: {target}\n{body}",
    "another header": "# @something else_\n{body}",
    "a header of three words": "# @package hydra callbacks\n{body}",
    "hydra without a header": "{body}\nhydra: {{callbacks: {{x: {target}}}}}",
    "a defaults list": "defaults:\n  - starcoder\n{body}",
    "an empty defaults list": "defaults: []\n{body}",
    "a launcher by defaults": "defaults: [{{override /hydra/launcher: joblib}}]\n{body}",
    "a target at the top": "{body}\n_target_: logging.FileHandler\nfilename: {canary}",
    "a target inside": "{body}\nextra: {target}",
    "a target in a list": "{body}\nextra: [1, {target}]",
    "a target in quotes": '{body}\nextra: {{"_target_": logging.FileHandler, filename: {canary}}}',
    "a target spelled with an escape": '{body}\nextra: {{"\\x5ftarget_": logging.FileHandler, filename: {canary}}}',
    "a target by an anchor": "a: &a {target}\n{body}\nextra: *a",
    "a target by a merge": "{body}\nextra: {{<<: {target}}}",
    "a python tag": "{body}\nextra: !!python/object/apply:logging.FileHandler [{canary}]",
    "a python name": "{body}\nextra: !!python/name:os.system",
    "the environment": "{body}\nnote_: ${{oc.env:LEHR_SECRET}}",
    "the environment in a note": "{body}\nnote_: before ${{oc.env:LEHR_SECRET}} after",
    "the environment with a default": "{body}\nnote_: ${{oc.env:LEHR_SECRET,none}}",
    "the environment with spaces": "{body}\nnote_: ${{ oc.env: LEHR_SECRET }}",
    "the environment by a name in pieces": "{body}\nx_: env\nnote_: ${{oc.${{.x_}}:LEHR_SECRET}}",
    "the environment by decoding": "{body}\nx_: '{{oc.env:LEHR_SECRET}}'\nnote_: '${{oc.decode:\"$${{.x_}}\"}}'",
    "the environment by creating": "{body}\nnote_: '${{oc.create:{{a: \"${{oc.env:LEHR_SECRET}}\"}}}}'",
    "the environment in a key": "{body}\n${{oc.env:LEHR_SECRET}}: 1",
    "the environment in a list": '{body}\nnote_: [1, ["${{oc.env:LEHR_SECRET}}"]]',
    "the environment by selecting": "{body}\nnote_: ${{oc.select:x,${{oc.env:LEHR_SECRET}}}}",
    "hydra's own values": "{body}\nnote_: ${{hydra:runtime.cwd}}",
    "hydra's own values by a node": "{body}\nnote_: ${{hydra.runtime.cwd}}",
    "the time": "{body}\nnote_: ${{now:%Y}}",
    "another file's values": "{body}\nnote_: ${{law.name}}",
    "a value left open": "{body}\nnote_: ???",
}

EXPERIMENT = {
    "a callback": "# @package _global_\nhydra: {{callbacks: {{x: {target}}}}}",
    "a callback in its package": "# @package hydra.callbacks\nx: {target}",
    "a callback by a nested package": "# @package _global_.hydra.callbacks\nx: {target}",
    "hydra as the package": "# @package hydra\ncallbacks: {{x: {target}}}",
    "a target": "# @package _global_\nextra: {target}",
    "a target in a model": "# @package _global_\nmodel: {{note: {target}}}",
    "a target in a sweep": "# @package _global_\nhydra: {{sweeper: {{params: {{x: 'choice(1,2)'}}, _target_: logging.FileHandler}}}}",
    "a callback by a sweep": "# @package _global_\nhydra: {{sweeper: {{params: {{+hydra.callbacks: '{target}'}}}}}}",
    "an environment by a sweep": "# @package _global_\nhydra: {{sweeper: {{params: {{'hydra.job.env_set.PATH': '/'}}}}}}",
    "a launcher": "# @package _global_\ndefaults: [{{override /hydra/launcher: joblib}}]",
    "a launcher in a package": "# @package _global_\ndefaults: [{{/cluster@hydra.launcher: evil}}]",
    "a launcher by global": "# @package _global_\ndefaults: [{{/cluster@_global_.hydra.launcher: evil}}]",
    "callbacks by defaults": "# @package _global_\ndefaults: [{{/hydra/callbacks: evil}}]",
    "a sweeper": "# @package _global_\ndefaults: [{{override /hydra/sweeper: optuna}}]",
    "settings of a launcher": "# @package _global_\nhydra: {{launcher: {{setup: [touch {canary}]}}}}",
    "a log handler": "# @package _global_\nhydra: {{job_logging: {{handlers: {{x: {{(): logging.FileHandler, filename: {canary}}}}}}}}}",
    "a log file": "# @package _global_\nhydra: {{job_logging: {{handlers: {{x: {{class: logging.FileHandler, filename: {canary}}}}}}}}}",
    "the environment of a job": "# @package _global_\nhydra: {{job: {{env_set: {{PATH: /}}}}}}",
    "another folder": "# @package _global_\nhydra: {{run: {{dir: {canary}}}, output_subdir: .hydra}}",
    "a search path": "# @package _global_\nhydra: {{searchpath: ['pkg://antigravity']}}",
    "the environment": "# @package _global_\nprecision: ${{oc.env:LEHR_SECRET}}",
    "the environment by decoding": "# @package _global_\nx_: '{{oc.env:LEHR_SECRET}}'\nprecision: '${{oc.decode:\"$${{x_}}\"}}'",
    "the environment in a model": "# @package _global_\nmodel: {{note: '${{oc.env:LEHR_SECRET}}'}}",
    "the reader's folder": "# @package _global_\nprecision: ${{hydra:runtime.cwd}}",
    "a python tag": "# @package _global_\nx: !!python/object/apply:logging.FileHandler [{canary}]",
}


OTHERS = [
    ("accelerator", "h100_sxm", ["report", "model=santacoder", "accelerator=sent"]),
    ("cluster", "deepseek_h800", ["layout", "model=santacoder", "cluster=sent"]),
    ("dataset", "starcoderdata", ["find", "name=sent"]),
    ("method", "muon", ["find", "name=sent"]),
    ("sources", "google", ["export-data", "out=data"]),
]
"""Group, a file of the catalogue's there, and a command that reads a person's."""


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("LEHR_SECRET", "s3cr3t")
    return tmp_path / "executed"


def refused(arguments: list[str], canary: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    said = capsys.readouterr()
    assert stopped.value.code == 2, said
    assert said.out == ""
    assert len(said.err.splitlines()) == 1, said.err
    assert "s3cr3t" not in said.err
    assert not canary.exists()
    assert list(Path.cwd().iterdir()) == []
    return said.err


def written(text: str, canary: Path, body: str = "") -> str:
    return text.format(target=TARGET.format(canary=canary), canary=canary, body=body)


def put(canary: Path, group: str, name: str, content: str) -> str:
    (canary.parent / "sent" / group).mkdir(parents=True, exist_ok=True)
    path = canary.parent / "sent" / group / f"{name}.yaml"
    path.write_text(content)
    return str(path)


@pytest.mark.parametrize("text", DATA.values(), ids=DATA.keys())
@pytest.mark.parametrize("way", ["by name", "by path", "in a sweep"])
def test_a_model_runs_nothing(text: str, way: str, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(canary, "model", "sent", written(text, canary, MODEL))
    folder = ["--config-dir", str(canary.parent / "sent")]
    ways = {
        "by name": ["count", *folder, "model=sent"],
        "by path": ["report", f"model={path}", "recipe=santacoder"],
        "in a sweep": ["report", "-m", *folder, "model=sent", "recipe=santacoder", "mfu=0.3,0.4"],
    }
    refused(ways[way], canary, capsys)


@pytest.mark.parametrize("text", DATA.values(), ids=DATA.keys())
def test_a_recipe_and_a_law_run_nothing(text: str, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(canary, "recipe", "sent", written(text, canary, RECIPE))
    path = put(canary, "law", "sent", written(text, canary, LAW))
    refused(["report", "--config-dir", str(canary.parent / "sent"), "model=santacoder", "recipe=sent"], canary, capsys)
    refused(["report", "model=santacoder", f"law={path}"], canary, capsys)
    refused(["plan", "flops=1e22", f"law={path}"], canary, capsys)


@pytest.mark.parametrize("text", DATA.values(), ids=DATA.keys())
def test_no_file_of_facts_is_more_than_data(text: str, canary: Path) -> None:
    for group in GROUPS:
        if group + "." in text:
            # a law may name its own values as those of law
            continue
        body = next((CONF / group).glob("*.yaml")).read_text()
        path = Path(put(canary, group, "sent", written(text, canary, body)))
        with pytest.raises(LehrError) as refusal:
            load_data(path, group)
        assert "s3cr3t" not in str(refusal.value)
    assert not canary.exists()


@pytest.mark.slow
@pytest.mark.parametrize("text", DATA.values(), ids=DATA.keys())
def test_no_other_file_of_facts_runs_anything(text: str, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    conf = canary.parent / "sent"
    for group, name, words in OTHERS:
        body = next(path for path in sorted((CONF / group).glob("*.yaml")) if path.stem >= name).read_text()
        path = put(canary, group, "sent", written(text, canary, body.replace(f"name: {name}", "name: sent", 1)))
        refused([*words[:1], "--config-dir", str(conf), *words[1:]], canary, capsys)
        Path(path).unlink()


@pytest.mark.parametrize("text", EXPERIMENT.values(), ids=EXPERIMENT.keys())
@pytest.mark.parametrize("way", ["once", "swept"])
def test_an_experiment_brings_no_code(text: str, way: str, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(canary, "experiment", "sent", written(text, canary))
    put(canary, "experiment", "sent_too", written(text, canary))
    put(canary, "cluster", "evil", TARGET.format(canary=canary))
    put(canary, "hydra/callbacks", "evil", f"x: {TARGET.format(canary=canary)}")
    folder = ["--config-dir", str(canary.parent / "sent")]
    words = ["+experiment=sent"] if way == "once" else ["-m", "+experiment=sent,sent_too"]
    refused(["report", *folder, "model=santacoder", *words], canary, capsys)


@pytest.mark.parametrize("text", EXPERIMENT.values(), ids=EXPERIMENT.keys())
def test_a_sent_configuration_brings_no_code(text: str, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = written(text, canary)
    listed = "defaults: [" in content
    body = content if listed else f"{content}\ndefaults: [report, _self_]"
    put(canary, "", "recipe", body)
    put(canary, "cluster", "evil", TARGET.format(canary=canary))
    put(canary, "hydra/callbacks", "evil", f"x: {TARGET.format(canary=canary)}")
    folder = ["--config-dir", str(canary.parent / "sent"), "--config-name", "recipe"]
    refused(["report", *folder], canary, capsys)


@pytest.mark.parametrize("flag", ["--experimental-rerun", "--experimental", "--experimental-rerun=x"])
def test_a_pickled_configuration_is_not_taken(flag: str, canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refused(["report", flag, *([] if "=" in flag else ["config.pickle"])], canary, capsys)
    assert "--config-name" in said


def test_the_command_line_may_name_the_environment(canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["find", "name=${oc.env:LEHR_SECRET}"])
    assert stopped.value.code == 2
    assert "s3cr3t" in capsys.readouterr().err


@pytest.mark.parametrize("group", GROUPS)
def test_the_catalogues_own_files_are_data(group: str) -> None:
    for path in (CONF / group).glob("*.yaml"):
        check_data(load_yaml(path), path.read_bytes(), group, path.name)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# @package _global_\nmfuu: 0.4", "sent.yaml: mfuu: no setting is called so; did you mean mfu?"),
        ("# @package _global_\nmodell: {name: x}", "did you mean model?"),
        ("# @package _global_\nmodel: {architecture: {d_modl: 8}}", "did you mean d_model?"),
        ("# @package _global_\nrecipe: {stages: {pt: {stepps: 8}}}", "did you mean steps?"),
    ],
)
def test_a_misspelt_key_of_an_experiment_is_named(
    text: str, says: str, canary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put(canary, "experiment", "sent", text)
    folder = ["--config-dir", str(canary.parent / "sent")]
    assert says in refused(["report", *folder, "model=santacoder", "+experiment=sent"], canary, capsys)


def test_an_experiment_may_have_values_of_its_own(canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(canary, "experiment", "sent", "# @package _global_\nours: 8192\nsequence_length: ${ours}")
    with pytest.raises(SystemExit) as stopped:
        main(["count", "--config-dir", str(canary.parent / "sent"), "model=santacoder", "+experiment=sent"])
    assert stopped.value.code == 0, capsys.readouterr().err
    assert "8,192" in capsys.readouterr().out


@pytest.mark.slow
def test_a_reference_means_the_same_to_every_verb(canary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(canary, "model", "sent", MODEL.replace("family: SantaCoder", "family: ${.name}"))
    path = put(canary, "model", "other", MODEL.replace("family: SantaCoder", "family: ${model.name}"))
    assert Catalogue([CONF, canary.parent / "sent"]).model("sent").family == "sent"
    assert load_data(Path(path), "model")["family"] == "sent"
    for words in (["count", "model=sent"], ["models", "family=sent"]):
        with pytest.raises(SystemExit) as stopped:
            main([*words[:1], "--config-dir", str(canary.parent / "sent"), *words[1:]])
        assert stopped.value.code == 0
        assert "sent" in capsys.readouterr().out


def test_a_reference_that_goes_round_ends(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: ${.b}\nb: ${.a}\n")
    with pytest.raises(LehrError, match="names no value"):
        load_data(tmp_path / "a.yaml", "model")

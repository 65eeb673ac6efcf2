"""What surrounds a command: streams that are closed or full, encodings, folders that are gone, Hydra's own settings."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import lehr

ROOT = Path(__file__).parents[2]
LEHR = f"{sys.executable} -m lehr"


def shell(command: str, folder: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    env = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **more}
    return subprocess.run(
        ["bash", "-c", command.replace("lehr", LEHR, 1)], capture_output=True, cwd=folder, env=env, check=False
    )


def refused(done: subprocess.CompletedProcess[bytes], says: str) -> None:
    assert done.returncode == 2, done.stderr.decode()
    assert done.stdout == b""
    lines = [line for line in done.stderr.decode().splitlines() if line.startswith("lehr: ")]
    assert len(lines) == 1, done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert says in lines[0]


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["count", "count --help", "--help", "models", "completion bash", "count --cfg job"])
@pytest.mark.parametrize(
    ("stream", "says"), [(">&-", "standard output is closed"), (">/dev/full", "No space left on device")]
)
def test_a_stream_that_takes_nothing(verb: str, stream: str, says: str, tmp_path: Path) -> None:
    refused(shell(f"lehr {verb} {stream}", tmp_path), says)


@pytest.mark.slow
@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full"])
def test_errors_never_go_to_standard_output(stream: str, tmp_path: Path) -> None:
    done = shell(f"lehr count model=nope {stream}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", b"")
    done = shell(f"lehr count model=santacoder format=json {stream} <&-", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == shell("lehr count model=santacoder format=json", tmp_path).stdout


def test_a_pipe_that_has_seen_enough(tmp_path: Path) -> None:
    done = shell("lehr models | head -1", tmp_path)
    assert done.stderr == b""


def written(folder: Path, **more: str) -> dict[str, bytes]:
    """The files of a report written in ``folder``, by name."""
    done = shell("lehr report model=santacoder out=звіт", folder, **more)
    assert done.returncode == 0, done.stderr.decode()
    assert "звіт" in done.stdout.decode()
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return written(tmp_path_factory.mktemp("here"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"TZ": "Asia/Kathmandu", "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "MPLBACKEND": "junk"},
    ],
    ids=str,
)
def test_the_same_bytes_in_other_surroundings(locale: dict[str, str], here: dict[str, bytes], tmp_path: Path) -> None:
    assert written(tmp_path, **locale) == here
    assert len(here) > 5


def test_a_word_that_is_no_text(tmp_path: Path) -> None:
    refused(shell("lehr find name=$'\\xff'", tmp_path), "is not UTF-8")


def test_a_name_longer_than_names_are(tmp_path: Path) -> None:
    refused(shell(f"lehr count model={'a' * 5000}", tmp_path), "longer than the name of a file")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = shell("cd gone && rmdir ../gone && lehr count", tmp_path)
    assert done.returncode == 2
    assert "the current folder is gone" in done.stderr.decode()


PROMISES = {
    "report hydra.run.dir=x": "leave it out",
    "report -m mfu=0.3,0.4 hydra.sweep.subdir=x": "leave it out",
    "count hydra.job.chdir=true": "leave it out",
    "count +hydra.output_subdir=x": "leave it out",
    "report 'model=[starcoder,santacoder]'": "-m model=starcoder,santacoder",
    "report -m experiment=table_2,schedules": "write +experiment=",
    "report experiment=table_2": "write +experiment=",
    "report ~recipe": "write recipe=NAME",
    "report -m mfu=0.3,0.4 hydra/launcher=nope": "is not installed",
    "report --multirun mfu=0.3,0.4 hydra/sweeper=nope": "is not installed",
}


@pytest.mark.parametrize(("command", "says"), PROMISES.items(), ids=PROMISES.keys())
def test_a_promise_of_hydras_is_kept_or_refused(command: str, says: str, tmp_path: Path) -> None:
    done = lehr(*shlex.split(command), folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_mode_of_hydra_is_the_flag(tmp_path: Path) -> None:
    done = shell("lehr report hydra.mode=MULTIRUN model=santacoder mfu=0.3,0.4", tmp_path)
    assert b"2 done" in done.stdout


@pytest.mark.slow
def test_the_later_of_two_sweeps_counts(tmp_path: Path) -> None:
    done = shell("lehr report -m model=santacoder mfu=0.3,0.4 mfu=0.5", tmp_path)
    assert b"1 done" in done.stdout

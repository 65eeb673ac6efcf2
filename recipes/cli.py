"""The command ``lehr``: each verb is a Hydra app over one config root."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from lehr.recipes import streams
from lehr.recipes.catalogue.files import CONF
from lehr.recipes.composing import HYDRA_VERSION_BASE
from lehr.recipes.composing.command_line import MAIN, apart, hydras_own, quoted, with_main
from lehr.recipes.composing.group_files import as_written, named_files
from lehr.recipes.composing.manual import help_of
from lehr.recipes.errors import LehrError, nearest

if TYPE_CHECKING:
    from lehr.recipes.sweeping.arguments import Arguments as SweepArguments


VERBS = {
    "report": "project one recipe and set it beside what was published",
    "check": "set every reported figure of the catalogue beside its projection",
    "count": "parameters, FLOPs per token and decoding state of one model",
    "models": "list the models of the catalogue",
    "find": "find a model, a dataset or a method by what it is called",
    "cite": "the sources of an entry as BibTeX",
    "export-data": "the whole catalogue as Parquet, CSV and JSON-LD, each value with its source",
    "compare": "set models and their recipes side by side",
    "explore": "one page over the whole catalogue, to search, filter and compare in a browser",
    "import": "a model file of a Hugging Face config.json",
    "import list": "every model_type that lehr import reads",
    "fit": "constants of a law from your own runs, with intervals",
    "reference": "say which projections moved since they were last accepted",
    "layout": "how to divide a model among accelerators: what fits, how fast, what the others lose",
    "rollout": "what a step of reinforcement learning takes, and the best split of its devices",
    "cost": "what a whole recipe really costs: days with failures, energy, carbon, money",
    "calibrate": "measure a machine, or fit the step-time model to a table of speeds",
    "plan": "from a budget to a model and its recipe",
    "design": "which small runs to make for the forecast of a large one",
    "plan schedule": "the best learning-rate schedule for a step budget, by a curve law",
    "rehearse": "train a recipe for real, small, and set it beside its plan",
    "export": "a recipe in the words of the trainer that will run it",
    "track": "a running job beside its forecast: where it is, and whether it leaves the band",
}
"""Verb to what it does; ``recipes.verbs.<verb>`` has its ``run(job) -> exit status``, ``conf/<verb>.yaml`` its
settings. In file names a space or a hyphen is ``_``, and a word that Python keeps for itself ends in ``_``."""

SHELLS = ("bash", "zsh")
"""The shells that the completion script is for."""

HELP = """lehr plans the training of a language model: published recipes, counted and projected.

  lehr VERB [key=value ...]

{verbs}

  lehr VERB --help       what a verb takes, with examples
  lehr completion bash   a completion script (bash and zsh): eval "$(lehr completion bash)"
  lehr --version
"""

COMPLETION = """_lehr() {{
  local line
  if (( COMP_CWORD <= 1 )); then
    COMPREPLY=($(compgen -W "{verbs}" -- "${{COMP_WORDS[1]}}"))
    return
  fi
  line="lehr ${{COMP_LINE#*"${{COMP_WORDS[1]}}"}}"
  COMPREPLY=($(compgen -W "$(COMP_POINT=${{#line}} COMP_LINE="$line" lehr "${{COMP_WORDS[1]}}" -sc query=bash)" \\
    -- "${{line##* }}"))
}}
[ -n "$ZSH_VERSION" ] && autoload -U +X bashcompinit && bashcompinit
COMP_WORDBREAKS=${{COMP_WORDBREAKS//=}}
complete -o nospace -o default -F _lehr lehr"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``lehr`` with ``arguments`` (the command line by default) and exit with its status."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if arguments is None:
            streams.in_utf8()
            streams.prepare()
        streams.readable(argv)
        try:
            status = dispatch(argv)
        except SystemExit as done:
            # Hydra ends the process after its help
            status = done.code if isinstance(done.code, int) else 0
        sys.stdout.flush()
    except LehrError as error:
        streams.complain(str(error))
        status = 2
    except BrokenPipeError:
        # the reader of a pipe has seen enough
        streams.silence(1)
        status = 141
    except OSError as error:
        streams.silence(1)
        streams.complain(streams.of_system(error))
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def dispatch(argv: list[str]) -> int:
    """Run one verb and return the exit status. Raises ``LehrError`` for a mistake in the input."""
    if argv[:1] == ["help"] and argv[1:]:
        argv = [*argv[1:], "--help"]
    if not argv or argv[0] in ("--help", "-h", "help"):
        width = max(map(len, VERBS)) + 2
        print(HELP.format(verbs="\n".join(f"  {verb:<{width}}{says}" for verb, says in VERBS.items())), end="")
        return 0
    verb, *rest = argv
    if rest and f"{verb} {rest[0]}" in VERBS:
        verb = f"{verb} {rest.pop(0)}"
    if verb == "--version":
        print(f"lehr {import_module('importlib.metadata').version('lehr')}")
        return 0
    if verb == "completion":
        if rest and rest[0] not in SHELLS:
            raise LehrError(f"completion: there is none for {rest[0]!r}; write one of {', '.join(SHELLS)}")
        print(COMPLETION.format(verbs=" ".join([*VERBS, "completion"])))
        return 0
    if verb not in VERBS:
        raise LehrError(f"there is no verb {verb!r}; {nearest(verb, VERBS)}")
    longer = [name for name in VERBS if name.startswith(f"{verb} ")]
    if longer and rest and rest[0].isalpha() and not (verb in MAIN and os.path.exists(rest[0])):
        raise LehrError(f"there is no verb '{verb} {rest[0]}'; {nearest(f'{verb} {rest[0]}', longer)}")
    rest, flags = apart(rest)
    if {"--help", "-h"} & {*flags}:
        print(help_of(file_of(verb)))
        return 0
    if any(len(flag) > len("--exp") and "--experimental-rerun".startswith(flag.partition("=")[0]) for flag in flags):
        raise LehrError("--experimental-rerun: runs what a file was pickled from; write --config-dir and --config-name")
    rest, flags = hydras_own(rest, flags)
    rest = with_main(verb, rest, several="-m" in flags or "--multirun" in flags)
    with named_files(file_of(verb), rest, flags) as arguments:
        return run_verb(verb, [*map(quoted, arguments), *flags], [*flags, *rest])


def file_of(verb: str) -> str:
    """The name of the verb's files.

    >>> file_of("plan schedule"), file_of("export-data")
    ('plan_schedule', 'export_data')
    """
    return verb.replace(" ", "_").replace("-", "_")


def run_verb(verb: str, arguments: list[str], written: list[str]) -> int:
    """Compose the verb's configuration with Hydra and run it, once or for each job of a multirun.

    ``arguments`` are as Hydra takes them, ``written`` as the user wrote them.
    """
    import hydra

    name = file_of(verb)
    statuses: list[int] = []
    mistakes: list[LehrError] = []
    broken: list[Exception] = []
    given: SweepArguments | None = None
    several: SweepArguments | None = None
    batches: list[str] = []
    rounds = 0

    def task(config: Any) -> None:
        overrides: list[str] = []
        try:
            if given is not None:
                from lehr.recipes.sweeping.run import sweep

                outcome = sweep(config, given, written, launched=rounds)
                statuses.extend([outcome] if isinstance(outcome, int) else [])
                batches.extend(outcome if isinstance(outcome, list) else [])
                return
            from lehr.recipes.composing.job import composed

            job = composed(config, name)
            overrides = job.overrides if job.multirun else []
            module = import_module(f"lehr.recipes.verbs.{name}_" if iskeyword(name) else f"lehr.recipes.verbs.{name}")
            statuses.append(module.run(job))
        except Exception as error:
            # Hydra would print a line of its own above ours; a multirun goes on with its other jobs
            mistake = _mistake(error, verb, arguments, debugging)
            if mistake is None:
                broken.append(error)
            else:
                mistakes.append(LehrError(f"{as_written(overrides)}: {mistake}") if overrides else mistake)

    decorate = hydra.main(version_base=HYDRA_VERSION_BASE, config_path=str(CONF), config_name=name)
    app: Callable[[], None] = decorate(task)
    debugging = os.environ.get("HYDRA_FULL_ERROR") == "1"
    with _told_in_one_line(verb, arguments):
        several = _sweep_of(arguments)
        given = several if verb == "report" else None
        arguments = _nowhere(verb, arguments) if several and not given else arguments
        sys.argv = ["lehr", *([*given.flags, *given.base] if given else arguments)]
        app()
        while batches:
            _run_batches(decorate, batches)
            rounds += 1
            batches.clear()
            app()
    if broken:
        raise broken[0]
    # another launcher runs the jobs in processes of its own
    if several and not (statuses or mistakes or any(a.startswith("hydra/launcher=") for a in arguments)):
        raise LehrError(f"{' '.join(several.each) or '-m'}: matches nothing; lehr {verb} --help has examples")
    for mistake in mistakes[:-1]:
        print(f"lehr: {mistake}", file=sys.stderr)
    if mistakes:
        raise mistakes[-1]
    return max(statuses, default=0)


def _nowhere(verb: str, arguments: list[str]) -> list[str]:
    """``arguments`` so that Hydra makes no folder for the sweep of ``verb``, whose jobs write by ``out``; an engine has
    its own files there. Raises ``LehrError`` for a folder that would be ignored."""
    if any(a.lstrip("+").startswith("hydra.sweep.dir=") for a in arguments):
        raise LehrError(f"hydra.sweep.dir: lehr {verb} writes its own files, to the folder of out=...; leave it out")
    return [*([] if any(a.startswith("hydra/launcher=") for a in arguments) else ["hydra.sweep.dir=."]), *arguments]


def _run_batches(decorate: Callable[[Any], Callable[[], None]], command: list[str]) -> None:
    """Run a sweep's batches on the engine that the command line names; what breaks there is told, and its jobs are left
    for the sweep to see."""
    from lehr.recipes.sweeping.batches import run_batch

    composed_by = sys.argv
    sys.argv = ["lehr", *command]
    try:
        decorate(run_batch)()
    except LehrError:
        raise
    except Exception as error:
        # a worker that was killed, a cluster that did not start: each engine has errors of its own
        print(f"lehr: an engine's worker broke: {' '.join(str(error).split())[:200]}", file=sys.stderr)
    finally:
        sys.argv = composed_by


def _sweep_of(arguments: list[str]) -> SweepArguments | None:
    """The sweep that the arguments ask for."""
    if not {"-m", "--multirun"} & {*arguments}:
        return None
    from lehr.recipes.sweeping.arguments import take_apart

    return take_apart(arguments)


@contextmanager
def _told_in_one_line(verb: str, arguments: list[str]) -> Iterator[None]:
    """Within this, errors of Hydra, of its flags and of the file system become ``LehrError``, unless the user
    debugs."""
    from lehr.recipes.composing.sources import guard

    guard(arguments)
    saved, debugging = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    # with this set Hydra raises what went wrong instead of printing it over several lines
    os.environ["HYDRA_FULL_ERROR"] = "1"
    says, ArgumentParser.error = ArgumentParser.error, _flags_error(verb)  # type: ignore[method-assign,assignment]
    # Python 3.14 looks at help that Hydra 1.3 words only when it is asked for
    looks = hasattr(ArgumentParser, "_check_help")
    if looks:
        ArgumentParser._check_help = lambda *_: None  # type: ignore[attr-defined]
    try:
        yield
    except Exception as error:
        # what is no mistake of ours was kept apart: of these, Hydra raises for values that it cannot use
        mistake = _mistake(error, verb, arguments, debugging == "1", (ValueError, TypeError, KeyError))
        if mistake is None:
            raise
        raise mistake from error
    finally:
        sys.argv = saved
        ArgumentParser.error = says  # type: ignore[method-assign]
        if looks:
            del ArgumentParser._check_help  # type: ignore[attr-defined]
        if debugging is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = debugging


def _mistake(
    error: Exception, verb: str, arguments: list[str], debugging: bool, further: tuple[type[Exception], ...] = ()
) -> LehrError | None:
    """``error`` in one line where it comes of the input; ``None`` for any other, and for all where the user debugs."""
    import yaml
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    if isinstance(error, LehrError):
        return error
    if debugging or isinstance(error, BrokenPipeError):
        return None
    if isinstance(error, (HydraException, OmegaConfBaseException, yaml.YAMLError, *further)):
        from lehr.recipes.composing.explain import explain

        return LehrError(explain(error, verb, arguments))
    said = None
    if isinstance(error, MemoryError):
        said = f"not enough memory ({error}); write a smaller number"
    elif isinstance(error, OSError):
        said = streams.of_system(error)
    elif isinstance(error, ArithmeticError):
        said = f"a number is larger or smaller than can be computed with ({error}); write another"
    elif isinstance(error, RecursionError):
        said = "something is nested too deep, or a file names itself in its defaults; write it flatter"
    return None if said is None else LehrError(said)


def _flags_error(verb: str) -> Callable[[ArgumentParser, str], None]:
    """What Hydra's parser of flags says of one that it does not know, in place of argparse's whole usage."""

    def error(parser: ArgumentParser, message: str) -> None:
        raise LehrError(f"{message}; settings are written key=value, and lehr {verb} --help lists the flags")

    return error

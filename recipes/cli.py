"""The command ``lehr``: each verb is a Hydra app over one config root."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import takewhile
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

from recipes.catalogue import CONF
from recipes.errors import LehrError, nearest

if TYPE_CHECKING:
    from recipes.sweeping.command import Arguments as SweepArguments

HYDRA_VERSION_BASE = "1.3"

VERBS = {
    "report": "project one recipe and set it beside what was published",
    "check": "set every reported figure of the catalogue beside its projection",
    "count": "parameters, FLOPs per token and decoding state of one model",
    "models": "list the models of the catalogue",
    "find": "find a model, a dataset or a method by what it is called",
    "compare": "set models and their recipes side by side",
    "explore": "one page over the whole catalogue, to search, filter and compare in a browser",
    "import": "a model file of a Hugging Face config.json",
    "fit": "constants of a law from your own runs, with intervals",
    "reference": "say which projections moved since they were last accepted",
    "plan": "from a budget to a model and its recipe",
    "plan schedule": "the best learning-rate schedule for a step budget, by a curve law",
    "track": "a running job beside its forecast: where it is, and whether it leaves the band",
}
"""Verb to what it does; ``recipes.verbs.<verb>`` has its ``run(job) -> exit status``, ``conf/<verb>.yaml`` its
settings. In file names a space is ``_``, and a word that Python keeps for itself ends in ``_``."""

WORDS = {"compare": "names"}
"""The setting that the bare words after a verb are short for."""

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
        status = dispatch(argv)
        sys.stdout.flush()
    except LehrError as error:
        print(f"lehr: {error}", file=sys.stderr)
        status = 2
    except BrokenPipeError:
        # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 141
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def dispatch(argv: list[str]) -> int:
    """Run one verb and return the exit status. Raises ``LehrError`` for a mistake in the input."""
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
        print(COMPLETION.format(verbs=" ".join([*VERBS, "completion"])))
        return 0
    if verb not in VERBS:
        raise LehrError(f"there is no verb {verb!r}; {nearest(verb, VERBS)}")
    if verb in WORDS:
        words = list(takewhile(lambda a: "=" not in a and not a.startswith(("-", "+", "~")), rest))
        rest = rest[len(words) :] + ([f"{WORDS[verb]}=[{','.join(words)}]"] if words else [])
    from recipes.group_files import named_files

    with named_files(verb.replace(" ", "_"), rest) as arguments:
        return run_verb(verb, arguments)


def run_verb(verb: str, arguments: list[str]) -> int:
    """Compose the verb's configuration with Hydra and run it, once or for each job of a multirun."""
    import hydra

    name = verb.replace(" ", "_")
    statuses: list[int] = []
    mistakes: list[LehrError] = []
    broken: list[BrokenPipeError] = []
    given: SweepArguments | None = None
    batches: list[str] = []

    def task(config: Any) -> None:
        try:
            if given is not None:
                from recipes.sweeping.command import sweep

                outcome = sweep(config, given, arguments, launched=bool(batches))
                statuses.extend([outcome] if isinstance(outcome, int) else [])
                batches.extend(outcome if isinstance(outcome, list) else [])
                return
            from recipes.compose import composed

            job = composed(config)
            module = import_module(f"recipes.verbs.{name}_" if iskeyword(name) else f"recipes.verbs.{name}")
            statuses.append(module.run(job))
        except LehrError as error:
            # Hydra would print a line of its own above ours; a multirun goes on with its other jobs
            several = given is None and job.multirun
            mistakes.append(LehrError(f"{' '.join(job.overrides)}: {error}") if several else error)
        except BrokenPipeError as error:
            broken.append(error)

    decorate = hydra.main(version_base=HYDRA_VERSION_BASE, config_path=str(CONF), config_name=name)
    app: Callable[[], None] = decorate(task)
    with _told_in_one_line(verb, arguments):
        if verb == "report" and {"-m", "--multirun"} & {*arguments}:
            from recipes.sweeping.command import take_apart

            given = take_apart(arguments)
        sys.argv = ["lehr", *([*given.flags, *given.base] if given else arguments)]
        app()
        if batches:
            from recipes.sweeping.batches import run_batch

            composed_by = sys.argv
            sys.argv = ["lehr", *batches]
            decorate(run_batch)()
            sys.argv = composed_by
            app()
    if broken:
        raise broken[0]
    for mistake in mistakes[:-1]:
        print(f"lehr: {mistake}", file=sys.stderr)
    if mistakes:
        raise mistakes[-1]
    return max(statuses, default=0)


@contextmanager
def _told_in_one_line(verb: str, arguments: list[str]) -> Iterator[None]:
    """Within this, errors of Hydra and of the file system become ``LehrError``, unless the user debugs."""
    import yaml
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    saved, debugging = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    # with this set Hydra raises what went wrong instead of printing it over several lines
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    except (HydraException, OmegaConfBaseException, yaml.YAMLError) as error:
        if debugging == "1":
            raise
        from recipes.compose import explain

        raise LehrError(explain(error, verb, arguments)) from error
    except OSError as error:
        if debugging == "1" or isinstance(error, BrokenPipeError):
            raise
        raise LehrError(f"{error.filename}: {error.strerror}; write another folder with out=...") from error
    finally:
        sys.argv = saved
        if debugging is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = debugging


if __name__ == "__main__":
    main()

"""What the catalogue holds, counted, projected and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lehr.recipes.errors import LehrError
from lehr.recipes.library.common import Folder, catalogue_of, meant

if TYPE_CHECKING:
    from lehr.recipes.catalogue.entries import Model
    from lehr.recipes.catalogue.names import Entry
    from lehr.recipes.catalogue.recipe_files import RecipeFile
    from lehr.recipes.comparing import Row
    from lehr.recipes.exploring.result import Explored
    from lehr.recipes.importing.hugging_face.config import Imported
    from lehr.simulators.evidence import Comparison
    from lehr.simulators.projection.project import Assumptions, Projection


def load_model(name: str, *, config_dir: Folder = None) -> Model:
    """The model ``name`` of the catalogue or of ``config_dir``.

    Raises ``LehrError`` with the nearest name where there is none.

    >>> load_model("starcoder").shape().n_layers
    40
    """
    catalogue = catalogue_of(config_dir)
    return catalogue.model(meant(name, "model", catalogue))


def load_recipe(name: str, *, config_dir: Folder = None) -> RecipeFile:
    """The recipe ``name`` of the catalogue or of ``config_dir``.

    Raises ``LehrError`` with the nearest name where there is none.

    >>> load_recipe("starcoder").stages["pt"].n_steps
    250000
    """
    catalogue = catalogue_of(config_dir)
    return catalogue.recipe(meant(name, "recipe", catalogue))


def find(name: str, *, config_dir: Folder = None) -> list[Entry]:
    """The entries of the catalogue that people call ``name`` (``lehr find``).

    Raises ``LehrError`` with the nearest names where there is none.

    >>> [entry.name for entry in find("StarCoder2 15B")]
    ['starcoder2_15b']
    """
    from lehr.recipes.catalogue.names import find as find_entries

    return find_entries(name, catalogue_of(config_dir))


def count(
    model: Model | str,
    sequence_length: int | None = None,
    *,
    batch: int = 1,
    dtype: str = "bf16",
    rank: int | None = None,
    targets: str | Sequence[str] = "all",
    accelerator: str | None = None,
    config_dir: Folder = None,
) -> dict[str, Any]:
    """Parameters, FLOPs per token, decoding state and weights of ``model``, as plain data (``lehr count format=json``).

    ``sequence_length`` is by default 4,096 tokens, or the model's context where that is shorter. ``batch`` sequences
    are decoded together with a state in ``dtype``; a ``rank`` counts what low-rank adapters of ``targets`` train, and
    an ``accelerator`` says how many of them hold weights and state.

    >>> counts = count("deepseek_v3")
    >>> counts["parameters"]["active"]["all"], round(counts["flops_per_token"]["causal"] / 1e9, 1)
    (37552282624, 249.8)
    >>> count("starcoder", batch=8)["decoding_state"]["batch"], count("starcoder", rank=8)["lora"]["rank"]
    (8, 8)
    """
    from lehr.recipes.catalogue.files import load
    from lehr.recipes.counting import adapters, memory_of
    from lehr.recipes.counting import count as count_model

    catalogue = catalogue_of(config_dir)
    return count_model(
        catalogue.model(model) if isinstance(model, str) else model,
        sequence_length,
        batch=batch,
        dtype=dtype,
        lora=adapters(rank, targets),
        memory=None
        if accelerator is None
        else memory_of(load(catalogue.path("accelerator", accelerator), "accelerator")),
    )


def project(
    name: str, laws: Sequence[str] | None = None, assumptions: Assumptions | None = None, *, config_dir: Folder = None
) -> Projection:
    """The projection of the recipe ``name``: tokens, FLOPs, hours, cost and loss of each stage, by the ``laws``.

    >>> stage = project("starcoder").stages[0]
    >>> f"{stage.tokens:.4g} tokens, {stage.flops:.3g} FLOP"
    '1.049e+12 tokens, 1.1e+23 FLOP'
    """
    from lehr.recipes.projecting.model import DEFAULT_LAWS, project_model

    catalogue = catalogue_of(config_dir)
    recipe = catalogue.recipe(meant(name, "recipe", catalogue))
    decoded = [catalogue.surface(meant(law, "law", catalogue)) for law in (DEFAULT_LAWS if laws is None else laws)]
    return project_model(catalogue, catalogue.model(recipe.model), recipe, decoded, assumptions=assumptions)


def check(model: str | None = None, *, config_dir: Folder = None) -> list[Comparison]:
    """Every reported figure of the catalogue, or of one model and its recipe, beside its projection (``lehr check``).

    >>> [row.verdict for row in check("santacoder") if row.quantity == "parameters.total"]
    ['agrees']
    """
    from lehr.recipes.checking import check_all, check_model, check_recipe
    from lehr.recipes.projecting.model import project_by_name

    catalogue = catalogue_of(config_dir)
    if model is None:
        return check_all(catalogue, lambda name: project_by_name(catalogue, name))
    model = meant(model, "model", catalogue)
    rows = check_model(catalogue.model(model))
    return rows + (check_recipe(*project_by_name(catalogue, model)) if catalogue.has("recipe", model) else [])


def compare(
    *names: str, accelerator: str | None = None, devices: int = 64, precision: str = "bf16", mfu: float | None = None,
    usd_per_hour: float | None = None, published: bool = False, out: Folder = None, config_dir: Folder = None,
) -> list[Row]:  # fmt: skip
    """Two models or more and their recipes side by side, what differs first; hours and cost of all on one H100, or on
    the ``accelerator``, in one ``precision`` at one utilisation ``mfu`` [1] and price [USD/h], or all as ``published``.
    With an ``accelerator`` the best layout of each on ``devices`` of it too.

    With ``out`` a page is written to ``<out>/compare/`` (``lehr compare format=html``).

    >>> next(row.values for row in compare("starcoder", "santacoder") if row.quantity == "layers")
    [40, 24]
    """
    from lehr.recipes.comparing import Terms, page
    from lehr.recipes.comparing import compare as compare_models
    from lehr.recipes.presenting.files import write_beside

    catalogue = catalogue_of(config_dir)
    machine = None
    device = None if accelerator is None else catalogue.accelerators[meant(accelerator, "accelerator", catalogue)]
    terms = Terms(device=device, precision=precision, mfu=mfu, usd_per_hour=usd_per_hour, published=published)
    if accelerator is not None:
        # a layout takes numpy, which nothing else here waits for
        from lehr.recipes.laying_out.question import called

        machine = (called(catalogue, accelerator), devices)
    models = [meant(name, "model", catalogue) for name in names]
    rows = compare_models(catalogue, models, machine, terms)
    if out is not None:
        name, content = page(models, rows)
        write_beside(Path(out) / "compare", {name: content})
    return rows


def import_config(
    source: Path | str | Mapping[str, Any], *, name: str | None = None, out: Folder = None, ignore: Sequence[str] = (),
    hf_id: str | None = None, overwrite: bool = False,
) -> Imported:  # fmt: skip
    """The architecture that a Hugging Face ``config.json`` describes: a file, its folder, or its content.

    With ``out`` the model file ``<out>/model/<name>.yaml`` is written (``lehr import``).

    >>> import_config({"model_type": "llama", "num_hidden_layers": 4}).architecture.n_layers
    4
    """
    from lehr.recipes.importing.hugging_face.config import import_config as read
    from lehr.recipes.importing.run import read_config, write_model

    if isinstance(source, Mapping):
        found, where = read(dict(source), "config.json", ignore=ignore), "config.json"
    else:
        path = Path(source) / "config.json" if Path(source).is_dir() else Path(source)
        found, where = read_config(path, ignore), str(path)
    if out is not None:
        if name is None:
            raise LehrError("name: the model needs one; write name='my_model'")
        write_model(name, found, Path(out), where, hf_id=hf_id, overwrite=overwrite)
    return found


def explore(
    *, laws: Sequence[str] = ("besiroglu", "chinchilla"), selected: Sequence[str] = (),
    out: Folder = None, config_dir: Folder = None,
) -> Explored:  # fmt: skip
    """The whole catalogue projected; with ``out`` as one page to search, ``<out>/explorer.html`` (``lehr explore``).

    >>> "deepseek_v3" in [model["name"] for model in explore(laws=["besiroglu"]).models]
    True
    """
    from lehr.recipes.exploring.run import explore as explore_catalogue

    catalogue = catalogue_of(config_dir)
    models = [meant(name, "model", catalogue) for name in selected]
    explored = explore_catalogue(catalogue, [meant(law, "law", catalogue) for law in laws], models)
    if out is not None:
        from lehr.recipes.exploring.text import files
        from lehr.recipes.presenting.files import write_beside

        write_beside(Path(out), files(explored))
    return explored

"""Every stage of reinforcement learning of the catalogue has its hours, or a reason why nobody can tell them."""

from __future__ import annotations

from collections import Counter

import pytest

from lehr.recipes.catalogue.files import Catalogue
from lehr.recipes.projecting.model import project_model
from lehr.simulators.objectives import PolicyGradient, Preference

CATALOGUE = Catalogue()
LENGTHS = ("steps", "examples", "tokens")


@pytest.mark.slow
def test_every_stage_of_rl_is_projected_where_its_length_was_published() -> None:
    """With an interval, and with each length that nobody published named as assumed; the others say where was looked.

    DiffuCoder's writes a whole text at once, of which the model of generation says nothing.
    """
    found: Counter[str] = Counter()
    for name in CATALOGUE.files("recipe"):
        recipe = CATALOGUE.recipe(name)
        if not any(isinstance(stage.objective, PolicyGradient) for stage in recipe.stages.values()):
            continue
        model = CATALOGUE.model(recipe.model)
        for one in project_model(CATALOGUE, model, recipe, ()).stages:
            stage = recipe.stages[one.name]
            if not isinstance(stage.objective, PolicyGradient):
                continue
            known = [key for key in LENGTHS if getattr(stage, key) is not None]
            if one.rollout is None:
                if known:
                    assert not model.shape().causal, (name, one.name)
                    found["not written token after token"] += 1
                    continue
                for key in LENGTHS:
                    path = f"stages.{one.name}.{key}"
                    assert recipe.provenance.state(path, there=False) == "not published", (name, path)
                found["length not published"] += 1
                continue
            hours = one.rollout.hours
            assert hours.low is not None
            assert hours.high is not None
            assert 0 < hours.low < hours.value < hours.high, (name, one.name)
            assert hours.high > 1.5 * hours.low, "an assumed length is no narrow thing"
            asked = stage.objective.rollout
            assumed = " ".join(one.rollout.assumed)
            for what, given in (
                ("answers of", asked and asked.response.mean),
                ("prompts of", asked and asked.prompt.mean),
            ):
                assert (what in assumed) is (given is None), (name, one.name, what)
            found["projected"] += 1
    assert found == {"projected": 17, "length not published": 17, "not written token after token": 1}


@pytest.mark.slow
def test_every_stage_of_preferences_is_projected_where_its_examples_were_published() -> None:
    found: Counter[str] = Counter()
    for name in CATALOGUE.files("recipe"):
        recipe = CATALOGUE.recipe(name)
        if not any(isinstance(stage.objective, Preference) for stage in recipe.stages.values()):
            continue
        for one in project_model(CATALOGUE, CATALOGUE.model(recipe.model), recipe, ()).stages:
            stage = recipe.stages[one.name]
            if not isinstance(stage.objective, Preference):
                continue
            known = any(getattr(stage, key) is not None for key in LENGTHS)
            found["projected" if one.time is not None else "length not published"] += 1
            assert (one.time is not None) is known, (name, one.name)
            if one.time is None:
                continue
            assert one.time.hours.low is not None
            said = " ".join(one.warnings)
            assert ("sequence length not known" in said) is (stage.sequence_length is None), (name, one.name)
            passes = stage.examples is not None and stage.epochs is None and stage.steps is None
            assert ("one pass over its pairs is assumed" in said) is passes, (name, one.name)
    assert found == {"projected": 2, "length not published": 9}


@pytest.mark.slow
def test_energy_and_carbon_that_were_printed_are_rows_of_the_check() -> None:
    """Each says by which watts, PUE and intensity it was worked out, or has a cause; who metered is tested apart."""
    rows = [
        row
        for name in CATALOGUE.files("recipe")
        for row in CATALOGUE.recipe(name).reported
        if row.quantity in ("energy_mwh", "carbon_t")
    ]
    assert Counter(row.quantity for row in rows) == {"carbon_t": 16, "energy_mwh": 4}
    assert all(getattr(row, "at", None) is not None or row.known_cause for row in rows)

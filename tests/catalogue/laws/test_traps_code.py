"""What goes wrong when a law of code loss is compared or searched as if it were one of text."""

import numpy as np
import pytest

from lehr.recipes.catalogue.files import Catalogue


def test_the_unit_of_code_loss_is_not_that_of_text() -> None:
    code, text = Catalogue().surface("code_chinchilla"), Catalogue().surface("besiroglu")
    assert (code.loss_unit, text.loss_unit) == ("bits/char", "nats/token")
    # a tenth of the text law's loss: nobody should set the two beside each other
    assert float(code.loss(1e9, 20e9)) < 0.2 * float(text.loss(1e9, 20e9))


def test_the_farseer_form_falls_without_end_where_no_data_is() -> None:
    law = Catalogue().surface("code_farseer")
    # at 1e21 FLOP a model of 1e15 parameters on 1.7e5 tokens would beat every run
    n, d = law.optimum(1e21)
    assert float(law.loss(1e15, 1e21 / 6e15)) < float(law.loss(n, d))
    # the optimum is the one among models that see a token or more for each parameter
    assert 50 < d / n < 150
    around = n * np.array([0.8, 0.9, 1.1, 1.25])
    assert (law.loss(around, 1e21 / 6 / around) > law.loss(n, d)).all()


def test_code_wants_more_tokens_per_parameter_than_text() -> None:
    text_n, text_d = Catalogue().surface("besiroglu").optimum(1e21)
    code_n, code_d = Catalogue().surface("code_chinchilla").optimum(1e21)
    assert code_d / code_n > 5 * text_d / text_n


@pytest.mark.parametrize("name", ["code_farseer", "code_chinchilla"])
def test_a_budget_outside_the_runs_is_warned_of(name: str) -> None:
    law = Catalogue().surface(name)
    assert law.warnings(1e9, 30e9) == []
    assert len(law.warnings(15e9, 4e12)) == 2

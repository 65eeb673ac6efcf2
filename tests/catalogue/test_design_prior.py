"""What a design believes before its runs is as sure as published laws are of each other."""

from __future__ import annotations

import numpy as np

from lehr.recipes.catalogue.files import Catalogue
from lehr.simulators.designing.belief import CENTRE, SPREAD
from lehr.simulators.laws.surfaces import Chinchilla, Overtraining
from lehr.simulators.laws.surfaces.chinchilla import additive_optimum


def rows() -> np.ndarray:
    """log E, the logs of both terms at the centre and both exponents, a row a law of general text in nats a token."""
    catalogue = Catalogue()
    found = []
    for name in catalogue.files("law"):
        law = catalogue.law(name)
        if getattr(law, "loss_unit", None) != "nats/token" or law.corpus is not None or name.startswith("chinchilla_t"):
            # two printings of one fit are one law
            continue
        if isinstance(law, Chinchilla) and law.n_convention == "total":
            terms = (law.E, law.A, law.B, law.alpha, law.beta)
        elif isinstance(law, Overtraining):
            terms = (law.E, law.a * 6**-law.eta, law.b * 6**-law.eta, 2 * law.eta, 2 * law.eta)
        else:
            continue
        e, a, b, alpha, beta = terms
        found.append([np.log(e), np.log(a * CENTRE[0] ** -alpha), np.log(b * CENTRE[1] ** -beta), alpha, beta])
    return np.array(found)


def test_the_spread_is_that_of_published_laws() -> None:
    laws = rows()
    assert len(laws) >= 7
    spread = laws.std(axis=0, ddof=1)
    stated = np.array([SPREAD[name] for name in ("log E", "size", "data", "alpha", "beta")])
    # of seven laws a standard deviation is known to a factor of two (chi-squared, 95 %: 0.64 to 2.2)
    assert np.all(spread / stated > 0.45)
    assert np.all(spread / stated < 1.57)


def test_an_overtraining_law_has_the_optimum_of_its_additive_form() -> None:
    law = Catalogue().law("gadre_c4")
    assert isinstance(law, Overtraining)
    found = additive_optimum(6e20, law.a * 6**-law.eta, law.b * 6**-law.eta, 2 * law.eta, 2 * law.eta)
    assert np.allclose(found, law.optimum(6e20))

"""The forms that can be fitted, by name."""

from __future__ import annotations

from lehr.simulators.laws.surfaces.chinchilla import ChinchillaForm
from lehr.simulators.laws.surfaces.data_constrained import DataConstrainedForm
from lehr.simulators.laws.surfaces.farseer import FarseerForm
from lehr.simulators.laws.surfaces.form import Form
from lehr.simulators.laws.surfaces.kaplan import KaplanForm
from lehr.simulators.laws.surfaces.overtraining import OvertrainingForm
from lehr.simulators.laws.surfaces.skaling import SkalingForm

FORMS: dict[str, Form] = {
    "chinchilla": ChinchillaForm(),
    "skaling": SkalingForm(),
    "overtraining": OvertrainingForm(),
    "kaplan": KaplanForm(),
    "farseer": FarseerForm(),
    "data_constrained": DataConstrainedForm(),
}
"""Every form that can be fitted, by the ``kind`` of its law."""


def form_called(name: str) -> Form:
    """The form of this name. Raises ``ValueError`` with the names there are."""
    if name not in FORMS:
        raise ValueError(f"no form is called {name!r}; write one of {', '.join(FORMS)}")
    return FORMS[name]

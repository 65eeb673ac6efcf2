"""Fitting a law to training runs: robustly, from thousands of starts, with what the runs do not say."""

from lehr.simulators.laws.fitting.comparison import (
    Comparison,
    FormScore,
    HeldOut,
    compare_forms,
    cross_validate,
    hold_out,
    misfit_of,
)
from lehr.simulators.laws.fitting.fit import LawFit, fit_law
from lehr.simulators.laws.fitting.resampling import Resampled, profile, resample
from lehr.simulators.laws.surfaces.forms import FORMS
from lehr.simulators.laws.surfaces.runs import Runs, make_runs

__all__ = [
    "FORMS", "Comparison", "FormScore", "HeldOut", "LawFit", "Resampled", "Runs", "compare_forms",
    "cross_validate", "fit_law", "hold_out", "make_runs", "misfit_of", "profile", "resample",
]  # fmt: skip

"""Fitting a curve law to logged runs: robustly, with intervals, and with what the runs do not say."""

from lehr.simulators.laws.curves import CURVE_FORMS, CurveForm, curve_form
from lehr.simulators.laws.curves.fitting.comparison import COMPARED, CurveComparison, compare_curves
from lehr.simulators.laws.curves.fitting.fit import STARTS, CurveFit, fit_curve
from lehr.simulators.laws.curves.fitting.scores import Score, mean_score, predict, score, score_of
from lehr.simulators.laws.curves.runs import LoggedRun, make_run

__all__ = [
    "COMPARED", "CURVE_FORMS", "STARTS", "CurveComparison", "CurveFit", "CurveForm", "LoggedRun", "Score",
    "compare_curves", "curve_form", "fit_curve", "make_run", "mean_score", "predict", "score", "score_of",
]  # fmt: skip

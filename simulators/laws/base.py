"""What every law has: a name, the conventions of its numbers, the runs it was fitted on, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.evidence import Provenance, Reported
from lehr.simulators.quantities import Floats

LossUnit = Literal["nats/token", "bits/token", "bits/byte", "bits/char", "1 - pass rate"]
LOSS_UNITS: dict[LossUnit, str] = {
    "nats/token": "natural logarithm",
    "bits/token": "logarithm to base 2",
    "bits/byte": "logarithm to base 2",
    "bits/char": "logarithm to base 2",
    "1 - pass rate": "share of the problems that are not solved",
}
"""What a unit of loss counts in."""

Bounds = tuple[float, float]

N_REPLICAS = 1000
"""Parameter sets drawn from a fit's covariance for an interval; its 2.5 % quantile then has a standard error of
0.08 standard deviations."""

RANGE_UNITS = {
    "parameters": "parameters",
    "tokens": "tokens",
    "flops": "FLOP",
    "tokens_per_parameter": "tokens per parameter",
    "epochs": "epochs",
    "experts": "experts",
    "granularity": "of granularity",
    "batch_tokens": "tokens a batch",
    "examples": "examples",
    "bits": "bits",
    "share": "of the mixture",
    "accelerator_hours": "accelerator-hours",
}
"""How a value of each range is named in a warning."""


class Outside(msgspec.Struct, frozen=True):
    """An input that lies outside the runs that a law was fitted on, which had from ``low`` to ``high``.

    >>> str(Outside("parameters", 7e10, 7e7, 1.6e10))
    '7e+10 parameters lie outside the fitted range, 7e+07 to 1.6e+10'
    """

    quantity: str
    value: float
    low: float
    high: float

    @property
    def unit(self) -> str:
        """What the value is counted in."""
        return RANGE_UNITS[self.quantity]

    def __str__(self) -> str:
        return f"{self.value:.3g} {self.unit} lie outside the fitted range, {self.low:.3g} to {self.high:.3g}"


class ValidRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The runs that a law was fitted on: from and to of every input; ``None`` where it is not stated.

    >>> ValidRange(parameters=(7e7, 1.6e10)).warnings(parameters=7e10, tokens=1e12)
    ['7e+10 parameters lie outside the fitted range, 7e+07 to 1.6e+10']
    """

    parameters: Bounds | None = None
    tokens: Bounds | None = None
    flops: Bounds | None = None
    tokens_per_parameter: Bounds | None = None
    epochs: Bounds | None = None
    experts: Bounds | None = None
    granularity: Bounds | None = None
    batch_tokens: Bounds | None = None
    examples: Bounds | None = None
    bits: Bounds | None = None
    share: Bounds | None = None
    accelerator_hours: Bounds | None = None

    def outside(self, **values: float) -> list[Outside]:
        """Those of ``values`` that lie outside."""
        found = []
        for name, value in values.items():
            bounds: Bounds | None = getattr(self, name)
            if bounds is not None and not bounds[0] <= value <= bounds[1]:
                found.append(Outside(name, value, *bounds))
        return found

    def warnings(self, **values: float) -> list[str]:
        """One line for each of ``values`` that lies outside."""
        return [str(one) for one in self.outside(**values)]


class Uncertainty(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """How sure a law's constants are."""

    def replicas(self, constants: Mapping[str, float]) -> dict[str, Floats]:
        """Sets of constants as sure as the fit, an array for each constant.

        Raises ``ValueError`` where what was published does not determine them.
        """
        raise NotImplementedError


class Covariance(Uncertainty, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="covariance"):
    """The covariance of a fit's estimates, nearly normal in the coordinates it is given in.

    ``parameters`` names them; ``log A`` is the natural logarithm of the constant A. ``residual`` is the standard
    deviation of the log loss of a run about the law [1], ``misfit`` the part of it that the law itself misses. Of a
    curve law ``residual`` is that of the fitted rows, ``left_out`` the runs that were each left out once, and
    ``strays`` the variance of what they strayed over that which a band allows without them [1], ``strays_annealed``
    that of rows whose noise a falling rate has taken away.
    """

    parameters: list[str]
    covariance: list[list[float]]
    residual: float | None = None
    misfit: float | None = None
    strays: float | None = None
    strays_annealed: float | None = None
    left_out: int | None = None

    def __post_init__(self) -> None:
        n = len(self.parameters)
        if len(self.covariance) != n or any(len(row) != n for row in self.covariance):
            raise ValueError(f"covariance has {n} parameters; write {n} rows of {n} numbers")

    def replicas(self, constants: Mapping[str, float]) -> dict[str, Floats]:
        """``N_REPLICAS`` sets about ``constants``, the same ones every time."""
        matrix = np.asarray(self.covariance, dtype=float)
        values, vectors = np.linalg.eigh(matrix)
        half = vectors * np.sqrt(np.maximum(values, 0.0))
        normal = np.random.default_rng(0).standard_normal((N_REPLICAS // 2, len(matrix)))
        steps = np.concatenate([normal, -normal]) @ half.T
        sets = {}
        for name, step in zip(self.parameters, steps.T, strict=True):
            log, constant = split_log(name)
            point = constants[constant]
            # a constant that is negative keeps its sign
            sets[constant] = point * np.exp(step) if log else point + step
        return sets


class Draws(Uncertainty, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="draws"):
    """The constants of fits to resampled runs (bootstrap).

    ``values`` is text, a line a fit: the numbers in the order of ``parameters``. As a list of lists Hydra would make an
    object of each number, and a report wait for thousands of them.

    >>> draws = Draws.of(["alpha", "beta"], [[0.35, 0.37]] * 20)
    >>> draws.table().shape, draws.values.splitlines()[0]
    ((20, 2), '0.35 0.37')
    """

    parameters: list[str]
    values: str
    residual: float | None = None

    @classmethod
    def of(cls, parameters: list[str], rows: ArrayLike, residual: float | None = None) -> Draws:
        """Draws of an array (fits, parameters), to nine digits: no interval moves."""
        lines = [" ".join(f"{value:.9g}" for value in row) for row in np.asarray(rows, dtype=float)]
        return cls(parameters=parameters, values="\n".join(lines) + "\n", residual=residual)

    def __post_init__(self) -> None:
        n = len(self.parameters)
        if any(len(line.split()) != n for line in self.values.splitlines()):
            raise ValueError(f"draws needs lines of {n} numbers, one for each of `parameters`")
        rows = self.table()
        if len(rows) < 20:
            raise ValueError(f"draws has {len(rows)} rows; an interval needs 20 or more")
        if not np.isfinite(rows).all():
            raise ValueError("draws holds a value that is not finite; write numbers")

    def table(self) -> Floats:
        """The constants, a row a fit (fits, parameters). Raises ``ValueError`` for a word that is no number."""
        return np.array(self.values.split(), dtype=float).reshape(-1, len(self.parameters))

    def replicas(self, constants: Mapping[str, float]) -> dict[str, Floats]:
        """Every draw."""
        return dict(zip(self.parameters, self.table().T, strict=True))


class StandardErrors(Uncertainty, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="standard_errors"):
    """Standard errors of single constants, as most papers print them. Without their correlations they do not give
    an interval of the loss: A and alpha move together, and errors taken as independent would be tens of times wide."""

    errors: dict[str, float]

    def replicas(self, constants: Mapping[str, float]) -> dict[str, Floats]:
        """Raises ``ValueError``: the correlations were not published."""
        raise ValueError("only standard errors of single constants are published; fit the runs for an interval")


AnyUncertainty = Covariance | Draws | StandardErrors


def split_log(name: str) -> tuple[bool, str]:
    """Whether a parameter's name says that it is a logarithm, and the constant's name.

    >>> split_log("log A"), split_log("alpha")
    ((True, 'A'), (False, 'alpha'))
    """
    return (True, name.removeprefix("log ")) if name.startswith("log ") else (False, name)


class Misfit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far a form misses runs that it has not seen, by its hold-outs: a standard deviation of ``size`` [log loss]
    within the fitted runs, and as much again for each e-fold of compute beyond ``flops`` [FLOP]; Student's with
    ``degrees`` of freedom.

    >>> misfit = Misfit(size=0.01, flops=1e20, degrees=8)
    >>> [round(float(one), 4) for one in misfit.at(np.array([1e19, 1e20, 1e20 * np.e**2]))]
    [0.01, 0.01, 0.03]
    """

    size: float
    flops: float
    degrees: int

    def at(self, flops: Floats) -> Floats:
        """The standard deviation at a budget, broadcast [log loss]."""
        return np.asarray(self.size * (1 + np.log(np.maximum(flops / self.flops, 1.0))))


class LawFigure(Reported, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A figure that a law should reproduce: ``quantity`` is one of its ``answers``, ``at`` the inputs by name."""

    at: dict[str, float] = {}


Answer = tuple[Callable[..., Any], str]
"""How a law computes one quantity from inputs by name, and the quantity's unit."""


class Law(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The base of every form; ``kind`` in a file names the class, the file holds one fit's constants.

    ``range`` is where it was fitted, ``corpus`` on what where that was not general text; ``reported`` lists figures
    that the constants should reproduce.
    """

    name: str
    title: str
    range: ValidRange = ValidRange()
    uncertainty: AnyUncertainty | None = None
    provenance: Provenance | None = None
    reported: list[LawFigure] = []
    note: str | None = None
    corpus: str | None = None

    def answers(self) -> dict[str, Answer]:
        """What the law can be asked by name, so that a reported figure can be set beside it."""
        return {}


L = TypeVar("L", bound=Law)

COMMON = frozenset(
    {"name", "title", "range", "uncertainty", "provenance", "reported", "note", "corpus", "n_convention", "loss_unit"}
)
"""Fields that are no constants."""


def constants(law: Law) -> dict[str, float]:
    """The numbers of a law by name.

    >>> from lehr.simulators.laws import Chinchilla
    >>> constants(Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...                      E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28))["alpha"]
    0.34
    """
    return {
        f.name: value
        for f in msgspec.structs.fields(law)
        if f.name not in COMMON and isinstance(value := getattr(law, f.name), (int, float))
    }


def replicate(law: L, n_axes: int = 0) -> L | None:
    """``law`` with arrays for constants, a replica of the fit along the first axis, ``n_axes`` axes behind it;
    ``None`` where the law does not say how sure it is or not enough.

    >>> from lehr.simulators.laws import Chinchilla
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658,
    ...     uncertainty=Covariance(parameters=["alpha"], covariance=[[1e-4]], residual=0.0))
    >>> many = replicate(law)
    >>> many.alpha.shape, bool(abs(many.alpha.std() - 0.01) < 1e-3)
    ((1000,), True)
    """
    if law.uncertainty is None or isinstance(law.uncertainty, StandardErrors):
        return None
    sets = law.uncertainty.replicas(constants(law))
    shaped: dict[str, Any] = {name: values.reshape(-1, *[1] * n_axes) for name, values in sets.items()}
    for name in [n for n in shaped if "." in n]:
        # a constant of a part of the law, such as sigmoid.k
        part, _, inner = name.partition(".")
        shaped[part] = msgspec.structs.replace(shaped.get(part, getattr(law, part)), **{inner: shaped.pop(name)})
    return msgspec.structs.replace(law, **shaped)


def quantiles(values: Floats, level: float) -> tuple[Floats, Floats]:
    """The central interval that holds ``level`` of ``values`` along the first axis.

    Raises ``ValueError`` unless 0 < ``level`` < 1.

    >>> low, high = quantiles(np.arange(1001.0), 0.9)
    >>> round(float(low), 9), round(float(high), 9)
    (50.0, 950.0)
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; write a share between 0 and 1, such as 0.95")
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.asarray(low), np.asarray(high)

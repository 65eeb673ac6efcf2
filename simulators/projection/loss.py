"""The loss that a scaling law gives a network after so many tokens."""

from __future__ import annotations

import numpy as np

from lehr.simulators.counting import ParameterCount
from lehr.simulators.laws import DataConstrained, ScalingLaw
from lehr.simulators.laws.surfaces.misfit import loss_bounds
from lehr.simulators.quantities import Amount, Amounts, Floats


def loss_along(
    law: ScalingLaw,
    count: ParameterCount,
    tokens: Floats,
    *,
    flops_per_token: float | None = None,
    interval: bool = True,
    unique: float | None = None,
) -> Amounts:
    """The loss that ``law`` gives after ``tokens`` (points,) [law.loss_unit].

    A dense model has the law's own interval, of its constants and its form, if it has one and ``interval`` asks for
    it. A mixture of experts lies
    between dense models of its active and of its total parameters, since a law of dense models says nothing finer
    about it; the central value is the geometric mean of the two sizes. ``flops_per_token`` is for a law whose N counts
    them; of the tokens ``unique`` differ, which a law of repeated data reads and the others do not.

    >>> from lehr.simulators.counting import count_parameters
    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.ladder import mixture
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> net = mixture(4096, expansion=8, top_k=8, vocab_size=128256, context_length=8192)
    >>> loss = loss_along(law, count_parameters(net), np.array([1e11, 1e12]))
    >>> loss.value.round(3).tolist(), loss.low.round(3).tolist(), loss.high.round(3).tolist()
    ([2.142, 2.029], [2.108, 1.995], [2.188, 2.075])
    """
    among = unique if isinstance(law, DataConstrained) else None
    low_n, high_n = count.at(law.n_convention, flops_per_token)

    def at(n: float) -> Floats:
        return law.loss(n, tokens, unique) if isinstance(law, DataConstrained) else law.loss(n, tokens)

    if low_n < high_n:
        return Amounts(value=at((low_n * high_n) ** 0.5), low=at(high_n), high=at(low_n), unit=law.loss_unit)
    value = at(low_n)
    bounds = loss_bounds(law, low_n, tokens, unique=among) if interval else None
    if bounds is None:
        return Amounts(value=value, unit=law.loss_unit)
    return Amounts(value=value, low=bounds[0], high=bounds[1], unit=law.loss_unit)


def project_loss(
    law: ScalingLaw,
    count: ParameterCount,
    tokens: float,
    *,
    flops_per_token: float | None = None,
    unique: float | None = None,
) -> Amount:
    """``loss_along`` for one number of tokens [law.loss_unit].

    >>> from lehr.simulators.counting import count_parameters
    >>> from lehr.simulators.laws import Chinchilla
    >>> from lehr.simulators.planning.ladder import mixture
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> net = mixture(4096, expansion=8, top_k=8, vocab_size=128256, context_length=8192)
    >>> loss = project_loss(law, count_parameters(net), 1e12)
    >>> f"{loss.value:.3f}, {loss.low:.3f} to {loss.high:.3f} {loss.unit}"
    '2.029, 1.995 to 2.075 nats/token'
    """
    points = np.asarray(tokens, dtype=float)
    return loss_along(law, count, points, flops_per_token=flops_per_token, unique=unique).at()

"""Train smaller and longer where a model is served much (Sardana et al. 2024, arXiv:2401.00448)."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from lehr.simulators.laws.base import Answer, Law
from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.numerics.search import bisect, golden_section, solve_monotonic
from lehr.simulators.quantities import Floats

_FEWEST, _MOST = 1e3, 1e21


class LifetimeCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a parameter costs for each token: trained on, read of a prompt, generated.

    By default FLOPs: 6, 2 and 2 (section 2). Money is the same with FLOPs times USD per FLOP at the utilisation
    that each of the three reaches (section 3).
    """

    training: float = 6.0
    prompt: float = 2.0
    generated: float = 2.0

    def __post_init__(self) -> None:
        if self.training <= 0 or self.prompt < 0 or self.generated < 0:
            raise ValueError("costs of a token must be above 0 for training and at least 0 for serving")


class Lifetime(msgspec.Struct, frozen=True, kw_only=True):
    """A size and the tokens that bring it to a loss, with what training and serving it cost [units of the cost]."""

    parameters: float
    tokens: float
    loss: float
    training: float
    serving: float

    @property
    def total(self) -> float:
        """Training and serving [units of the cost]."""
        return self.training + self.serving


class LifetimeOptimum(msgspec.Struct, frozen=True, kw_only=True):
    """The cheapest model over its life, and the one that is cheapest to train to the same loss."""

    best: Lifetime
    cheapest_to_train: Lifetime

    @property
    def saving(self) -> float:
        """Share of the cost that the best one saves [1]."""
        return 1 - self.best.total / self.cheapest_to_train.total


def tokens_for_loss(law: Surface, n: ArrayLike, loss: float) -> Floats:
    """The tokens after which ``n`` parameters reach ``loss``, broadcast [tokens]; infinite where they never do.

    A bisection in log D between 1e3 and 1e21 tokens, to a relative 1e-12; the loss must fall with D.

    >>> from lehr.simulators.laws import Chinchilla
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
    >>> f"{float(tokens_for_loss(law, 70e9, 1.9366)):.2e}"
    '1.40e+12'
    """
    n = np.asarray(n, dtype=float)
    low = np.full(n.shape, np.log(_FEWEST))
    high = np.full(n.shape, np.log(_MOST))
    reached = law.loss(n, _MOST) <= loss
    # 37.7 nats wide, halved to rounding
    log_d = bisect(lambda log_d: law.loss(n, np.exp(log_d)) > loss, low, high)
    return np.where(reached, np.exp(log_d), np.inf)


def lifetime_optimum(
    law: Surface,
    *,
    prompt_tokens: float = 0.0,
    generated_tokens: float = 0.0,
    loss: float | None = None,
    training_flops: float | None = None,
    cost: LifetimeCost | None = None,
) -> LifetimeOptimum:
    """The size N and tokens D that reach a loss at least cost over the model's life: training 6 N D and serving
    2 N D_inf FLOPs (equation 3), or money by ``cost``.

    The loss is ``loss``, or the one that ``training_flops`` reach at their optimum. Served are ``prompt_tokens`` and
    ``generated_tokens``. Any surface will do whose loss falls with N and with D.

    Raises ``ValueError`` where not exactly one of the two is given, or the law never gets as low.

    >>> from lehr.simulators.laws import Chinchilla
    >>> law = Chinchilla(name="tex", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.69, A=406.4, B=410.7, alpha=0.336, beta=0.283)
    >>> n, d = law.optimum(1.5e23)
    >>> found = lifetime_optimum(law, training_flops=1.5e23, generated_tokens=1e13)
    >>> found.best.parameters < n and found.best.tokens > d and found.saving > 0.1
    True
    """
    cost = cost or LifetimeCost()
    if (loss is None) == (training_flops is None):
        raise ValueError("write either the loss to reach or the training_flops whose optimum reaches it")
    if prompt_tokens < 0 or generated_tokens < 0:
        raise ValueError("tokens that are served must be 0 or more")
    if loss is None:
        assert training_flops is not None
        positive(training_flops, "training_flops", "FLOP")
        loss = float(law.loss(*law.optimum(training_flops)))
    served = cost.prompt * prompt_tokens + cost.generated * generated_tokens
    n_train, d_train = law.optimum(_budget_for(law, loss) if training_flops is None else training_flops)
    work = cost.training * n_train * d_train
    cheapest = Lifetime(parameters=n_train, tokens=d_train, loss=loss, training=work, serving=served * n_train)
    n = _cheapest(law, loss, served, cost, n_train) if served else n_train
    d = float(tokens_for_loss(law, n, loss)) if served else d_train
    best = Lifetime(parameters=n, tokens=d, loss=loss, training=cost.training * n * d, serving=served * n)
    return LifetimeOptimum(best=best, cheapest_to_train=cheapest)


def answers_of(law: Law) -> dict[str, Answer]:
    """All that a law can be asked by name: its own answers, and of a surface those about a served model."""
    return {**law.answers(), **(lifetime_answers(law) if isinstance(law, Surface) else {})}


def lifetime_answers(law: Surface) -> dict[str, Answer]:
    """What ``law`` says of a model that is served ``generated_tokens`` and is as good as the one that would be cheapest
    to train with ``parameters``: its size and tokens, and what it saves over its life.

    >>> from lehr.simulators.laws import Chinchilla
    >>> law = Chinchilla(name="tex", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.69, A=406.4, B=410.7, alpha=0.336, beta=0.283)
    >>> size, unit = lifetime_answers(law)["lifetime.parameters"]
    >>> f"{size(parameters=30e9, generated_tokens=1e13):.3g} {unit}"      # Sardana et al., section 2: 13.6B
    '1.36e+10 parameters'
    """

    def optimum(parameters: float, generated_tokens: float) -> LifetimeOptimum:
        flops = solve_monotonic(lambda c: float(law.optimum(c)[0]), 1e9, 1e36, parameters)
        if flops is None:
            raise ValueError(f"{law.name} finds {parameters:g} parameters best at no budget")
        return lifetime_optimum(law, training_flops=flops, generated_tokens=generated_tokens)

    return {
        "lifetime.parameters": (lambda **at: optimum(**at).best.parameters, "parameters"),
        "lifetime.tokens": (lambda **at: optimum(**at).best.tokens, "tokens"),
        "lifetime.times_the_tokens": (lambda **at: (o := optimum(**at)).best.tokens / o.cheapest_to_train.tokens, "1"),
        "lifetime.saving": (lambda **at: 100 * optimum(**at).saving, "%"),
    }


def _budget_for(law: Surface, loss: float) -> float:
    """The least FLOPs whose optimum reaches ``loss`` [FLOP]."""
    budgets = np.logspace(9, 36, 109)
    reached = law.loss(*law.optimum(budgets)) <= loss  # type: ignore[arg-type]
    first = int(np.argmax(reached))
    if not reached[first]:
        raise ValueError(f"{law.name} never reaches a loss of {loss:g} {law.loss_unit}; write a higher one")
    low, high = np.log(budgets[max(first - 1, 0)]), np.log(budgets[first])
    return float(np.exp(bisect(lambda log_flops: law.loss(*law.optimum(float(np.exp(log_flops)))) > loss, low, high)))


def _cheapest(law: Surface, loss: float, served: float, cost: LifetimeCost, largest: float) -> float:
    """The size of least cost, which serving only makes smaller than ``largest``, the one that is cheapest to train:
    beyond the sizes that a law was fitted on some forms promise any loss for no tokens."""

    def at(log_n: Floats) -> Floats:
        n = np.exp(log_n)
        return n * (cost.training * tokens_for_loss(law, n, loss) + served)

    grid = np.log(largest) + np.linspace(-np.log(1e5), 0, 240)
    best = int(np.argmin(at(grid)))
    low, high = np.array(grid[max(best - 1, 0)]), np.array(grid[min(best + 1, len(grid) - 1)])
    return float(np.exp(golden_section(at, low, high)))

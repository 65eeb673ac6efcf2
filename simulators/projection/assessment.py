"""Is a run compute-optimal, what does its over-training cost and buy, and what is its sparsity worth?"""

from __future__ import annotations

from math import isnan

import msgspec
import numpy as np

from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import ParameterCount
from lehr.simulators.laws.base import Bounds, Outside
from lehr.simulators.laws.frontier import Frontier
from lehr.simulators.laws.moe import EfficiencyLeverage, JointMoe, RoutedLaw
from lehr.simulators.laws.surfaces.base import Surface, positive
from lehr.simulators.laws.surfaces.misfit import loss_bounds
from lehr.simulators.layers import MoE
from lehr.simulators.numerics.adding import plain_sum
from lehr.simulators.quantities import Floats


class Allocation(msgspec.Struct, frozen=True, kw_only=True):
    """A run beside the optimum of one law at the same 6 N D.

    ``ratio`` and ``best_ratio`` are tokens per parameter, N counted as the law does; ``equal_loss_flops`` is the least
    work with which the law reaches the run's loss and ``equal_loss_parameters`` the size that does it. What a law
    without losses does not say is ``None``.
    """

    law: str
    parameters: float
    tokens: float
    flops: float
    ratio: float
    best_parameters: float
    best_tokens: float
    best_ratio: float
    best_ratio_interval: Bounds | None
    loss: float | None
    loss_interval: Bounds | None
    best_loss: float | None
    equal_loss_flops: float | None
    equal_loss_parameters: float | None
    outside: list[Outside]

    @property
    def over_training(self) -> float:
        """How many times the law's tokens per parameter the run has; below 1 it has fewer [1]."""
        return self.ratio / self.best_ratio


def allocate(law: Surface, n: float, d: float) -> Allocation:
    """Set ``d`` tokens on ``n`` parameters beside the optimum of ``law``.

    Raises ``ValueError`` where either is not positive.

    >>> from lehr.simulators.laws import Chinchilla
    >>> law = Chinchilla(name="x", title="", n_convention="total", loss_unit="nats/token",
    ...     E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)
    >>> run = allocate(law, 8e9, 15e12)
    >>> f"{run.ratio:.0f} tokens per parameter, {run.over_training:.0f} times the {run.best_ratio:.0f} of the law"
    '1875 tokens per parameter, 103 times the 18 of the law'
    >>> f"{run.equal_loss_flops / run.flops:.2f} of the work, {run.equal_loss_parameters / 8e9:.1f} times the size"
    '0.18 of the work, 4.2 times the size'
    """
    positive(n, "n", "parameters")
    positive(d, "d", "tokens")
    flops = 6 * n * d
    best_n, best_d = law.optimum(flops)
    interval, bounds = law.optimum_interval(flops), loss_bounds(law, n, d)
    loss = float(law.loss(n, d))
    equal = _least_flops(law, loss, flops)
    return Allocation(
        law=law.name,
        parameters=n,
        tokens=d,
        flops=flops,
        ratio=d / n,
        best_parameters=best_n,
        best_tokens=best_d,
        best_ratio=best_d / best_n,
        # at a fixed budget D / N falls as N grows
        best_ratio_interval=None
        if interval is None
        else (flops / 6 / interval[0][1] ** 2, flops / 6 / interval[0][0] ** 2),
        loss=loss,
        loss_interval=None if bounds is None else (float(bounds[0]), float(bounds[1])),
        best_loss=float(law.loss(best_n, best_d)),
        equal_loss_flops=equal,
        equal_loss_parameters=None if equal is None else law.optimum(equal)[0],
        outside=law.outside(n, d),
    )


def _least_flops(law: Surface, loss: float, flops: float) -> float | None:
    """The budget whose optimum reaches ``loss``, at most ``flops``; ``None`` more than 10**8 below."""
    low, high = np.log(flops) - np.log(1e8), np.log(flops)

    def least(log_flops: Floats) -> Floats:
        n, d = law.optimum(np.exp(log_flops))  # type: ignore[arg-type]
        return law.loss(n, d)

    if float(least(np.array([low]))[0]) <= loss:
        return None
    # ten rounds of a grid of 16 narrow the bracket by 15**10: beyond a double's digits
    for _ in range(10):
        grid = np.linspace(low, high, 16)
        reached = np.flatnonzero(least(grid) <= loss)
        if not len(reached):
            return flops
        first = int(reached[0])
        low, high = float(grid[max(first - 1, 0)]), float(grid[first])
    return float(np.exp(high))


def allocate_frontier(law: Frontier, n: float, d: float, flops: float) -> Allocation:
    """Set ``d`` tokens on ``n`` parameters beside a law of the optimum alone, which knows no loss.

    Where the law counts FLOPs per token, ``flops`` is the run's work by its own count and N = flops / (6 D).

    >>> from lehr.simulators.laws.frontier import PowerOfCompute
    >>> law = Frontier(name="x", title="", n_convention="total",
    ...     tokens=PowerOfCompute(coefficient=0.29, exponent=0.537))
    >>> run = allocate_frontier(law, 8e9, 15e12, 6 * 8e9 * 15e12)
    >>> f"{run.ratio:.0f} tokens per parameter, the optimum has {run.best_ratio:.0f}"
    '1875 tokens per parameter, the optimum has 29'
    """
    if law.n_convention == "flops_per_token":
        n = flops / 6 / d
    work = flops if law.n_convention == "flops_per_token" else 6 * n * d
    _, best_d = law.optimum(work)
    best_n = work / 6 / best_d
    return Allocation(
        law=law.name,
        parameters=n,
        tokens=d,
        flops=work,
        ratio=d / n,
        best_parameters=best_n,
        best_tokens=best_d,
        best_ratio=best_d / best_n,
        best_ratio_interval=None,
        loss=None,
        loss_interval=None,
        best_loss=None,
        equal_loss_flops=None,
        equal_loss_parameters=None,
        outside=law.outside(work),
    )


class Sparsity(msgspec.Struct, frozen=True, kw_only=True):
    """How sparse a mixture is, in the terms of the laws.

    ``expansion`` is all expert parameters over those that a token uses, the E of laws with one used expert; a shared
    expert counts as one that is always used. ``activation`` is its inverse and ``granularity`` 2 d_model / d_expert.
    """

    expansion: float
    granularity: float

    @property
    def activation(self) -> float:
        """The share of expert parameters that a token uses [1]."""
        return 1 / self.expansion


def sparsity_of(architecture: Architecture) -> Sparsity | None:
    """The sparsity of a network's mixtures, averaged over its layers by their parameters; ``None`` without any.

    DeepSeek-V3: 257 experts of which 9 are used, 28.6; 2 x 7168 / 2048 = 7.

    >>> from lehr.simulators.planning.ladder import mixture
    >>> found = sparsity_of(mixture(4096, expansion=8, top_k=8, vocab_size=128256, context_length=8192))
    >>> found.expansion, round(found.granularity, 3)
    (8.0, 4.571)
    """
    layers = [(block.mlp, n) for block, n in architecture.stack() if isinstance(block.mlp, MoE)]
    if not layers:
        return None
    stored = sum(n * (mlp.n_experts * mlp.d_ff_expert + mlp.d_ff_shared) for mlp, n in layers)
    used = sum(n * (mlp.top_k * mlp.d_ff_expert + mlp.d_ff_shared) for mlp, n in layers)
    weight = sum(n for _, n in layers)
    granularity = plain_sum(n * 2 * architecture.d_model / mlp.d_ff_expert for mlp, n in layers) / weight
    return Sparsity(expansion=stored / used, granularity=granularity)


class DenseEquivalent(msgspec.Struct, frozen=True, kw_only=True):
    """What a law says a mixture is worth: the dense model of equal loss on the same tokens [parameters], and the work
    of a dense model over the mixture's [1]: on the same tokens, and with size and tokens chosen freely. ``inputs`` is
    what the law was read at, by name."""

    law: str
    inputs: dict[str, float]
    parameters: float | None
    work_same_tokens: float | None
    work_best: float | None
    outside: list[Outside]


def dense_equivalent(
    law: JointMoe | RoutedLaw | EfficiencyLeverage,
    sparsity: Sparsity,
    count: ParameterCount,
    tokens: float,
    flops: float,
) -> DenseEquivalent:
    """Read ``law`` at a mixture trained on ``tokens`` with ``flops`` of work.

    >>> from lehr.simulators.counting import count_parameters
    >>> from lehr.simulators.planning.ladder import mixture
    >>> law = RoutedLaw(name="x", title="", n_convention="non_embedding", loss_unit="nats/token", tokens=130e9,
    ...     a=-0.082, b=-0.108, c=0.009, d=1.104, E_start=1.847, E_max=314.478)
    >>> net = mixture(1024, expansion=8, top_k=1, vocab_size=32000, context_length=2048)
    >>> found = dense_equivalent(law, sparsity_of(net), count_parameters(net), 130e9, 1e20)
    >>> f"worth a dense model of {found.parameters:.3g}, {found.work_same_tokens:.2f} times the work"
    'worth a dense model of 2.18e+08, 1.99 times the work'
    """
    e = sparsity.expansion
    if isinstance(law, JointMoe):
        n = float(count.active["all"])
        found, best = float(law.dense_size(n, tokens, e)), law.dense_flops(n, tokens, e)
        # to the digits to which the work is found
        known = None if isnan(found) else float(f"{found:.12g}")
        return DenseEquivalent(
            law=law.name,
            inputs={"active_parameters": n, "tokens": tokens, "experts": e},
            parameters=known,
            work_same_tokens=None if known is None else known / n,
            work_best=None if best is None else best / (6 * n * tokens),
            outside=law.outside(n, tokens, e),
        )
    if isinstance(law, RoutedLaw):
        n = float(count.active["excl_embeddings"])
        size = float(law.effective_parameters(n, e))
        return DenseEquivalent(
            law=law.name,
            inputs={"active_non_embedding": n, "tokens": law.tokens, "experts": e},
            parameters=size,
            work_same_tokens=size / n,
            work_best=None,
            outside=law.range.outside(parameters=n, tokens=tokens, experts=e),
        )
    leverage = float(law.leverage(sparsity.activation, sparsity.granularity, flops))
    return DenseEquivalent(
        law=law.name,
        inputs={"granularity": sparsity.granularity, "activation": sparsity.activation, "flops": flops},
        parameters=None,
        work_same_tokens=None,
        work_best=leverage,
        outside=law.range.outside(flops=flops, granularity=sparsity.granularity),
    )

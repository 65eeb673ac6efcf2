"""Hyper-parameters of a wide and deep network from those tuned on a narrow and shallow one."""

from __future__ import annotations

import msgspec


class Transferred(msgspec.Struct, frozen=True, kw_only=True):
    """Factors on what was tuned at the base width and depth; hidden matrices, Adam."""

    hidden_rate: float
    hidden_init_std: float
    output_multiplier: float
    residual_multiplier: float
    weight_decay: float
    epsilon: float


def transfer(*, width: float, depth: float = 1.0, depth_exponent: float = 1.0) -> Transferred:
    """What a network ``width`` times as wide and ``depth`` times as deep as the one that was tuned needs.

    Width: learning rate of hidden matrices 1 / m_N, their initial standard deviation m_N**-0.5, the head's output
    1 / m_N, weight decay m_N, epsilon 1 / m_N (Tensor Programs V, arXiv:2203.03466, table 8; CompleteP,
    arXiv:2505.01618, table 1). Depth: the residual branch times m_L**-a, the rate of hidden matrices times
    m_L**(a - 1), epsilon times m_L**-a with a = ``depth_exponent``; a = 1 is CompleteP. Batch and number of tokens
    are not transferred: laws of rate and batch say how they move.

    Raises ``ValueError`` unless ``width`` and ``depth`` are above 0 and 0.5 <= ``depth_exponent`` <= 1.

    >>> found = transfer(width=4, depth=8)
    >>> found.hidden_rate, found.hidden_init_std, found.residual_multiplier
    (0.25, 0.5, 0.125)
    """
    if width <= 0 or depth <= 0:
        raise ValueError(f"width is {width} and depth {depth}; write how many times as large, above 0")
    if not 0.5 <= depth_exponent <= 1:
        raise ValueError(f"depth_exponent is {depth_exponent}; write a number from 0.5 to 1")
    return Transferred(
        hidden_rate=depth ** (depth_exponent - 1) / width,
        hidden_init_std=width**-0.5,
        output_multiplier=1 / width,
        residual_multiplier=depth**-depth_exponent,
        weight_decay=width,
        epsilon=depth**-depth_exponent / width,
    )

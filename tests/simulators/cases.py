"""What tests of the mathematics compute with, built in code: no slip in a file of the catalogue reaches them."""

from __future__ import annotations

from lehr.simulators.architecture import Architecture, Block, Layers
from lehr.simulators.laws import Chinchilla, DataConstrained
from lehr.simulators.laws.base import Covariance
from lehr.simulators.laws.mixture import ReplayTable
from lehr.simulators.laws.moe import EfficiencyLeverage, JointMoe, RoutedLaw, SparsityLaw
from lehr.simulators.layers import MLP, Attention, Embedding, LayerNorm, NoPosition
from lehr.simulators.machine.accelerator import Accelerator, Price
from lehr.simulators.quantities import Interval

CHINCHILLA = Chinchilla(
    name="chinchilla", title="As printed", n_convention="total", loss_unit="nats/token",
    E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28,
)  # fmt: skip
REFIT = Chinchilla(
    name="refit", title="Refitted", n_convention="total", loss_unit="nats/token",
    E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658,
    uncertainty=Covariance(
        parameters=["E", "log A", "log B", "alpha", "beta"],
        # of the size of the refit's own bootstrap
        covariance=[
            [5.8e-4, 3.6e-3, 5.4e-3, 2.2e-4, 2.6e-4],
            [3.6e-3, 6.07e-2, -2.3e-2, 3.6e-3, -1.2e-3],
            [5.4e-3, -2.3e-2, 1.438e-1, -1.4e-3, 7.0e-3],
            [2.2e-4, 3.6e-3, -1.4e-3, 2.2e-4, -7.2e-5],
            [2.6e-4, -1.2e-3, 7.0e-3, -7.2e-5, 3.5e-4],
        ],
    ),
)  # fmt: skip
REPEATED = DataConstrained(
    name="repeated", title="", n_convention="total", loss_unit="nats/token", E=1.87, A=521.0, B=1488.0,
    alpha=0.35, beta=0.35, R_D_star=15.4, R_N_star=5.3,
)  # fmt: skip
JOINT = JointMoe(
    name="joint", title="", n_convention="active", loss_unit="nats/token", a=35.91, alpha=-0.1889, delta=-0.2285,
    gamma=0.0098, b=35.98, beta=-0.1775, omega=0.5529, zeta=-0.0259, c=1.3637, E_start=2.0732, E_max=290.4521,
)  # fmt: skip
ROUTED = RoutedLaw(
    name="routed", title="", n_convention="non_embedding", loss_unit="nats/token", tokens=130e9,
    a=-0.083, b=-0.126, c=0.012, d=1.111, E_start=1.880, E_max=469.982,
)  # fmt: skip
SPARSITY = SparsityLaw(
    name="sparsity", title="", n_convention="total", loss_unit="nats/token", a=16612.5, alpha=0.5962, b=5455.67,
    beta=0.3954, c=0.4598, lambda_=-0.1666, d=17.26, delta=0.1603, gamma=0.1595, e=0.94,
)  # fmt: skip
LEVERAGE = EfficiencyLeverage(
    name="leverage", title="", a=1.23, d=-0.0761, gamma=0.0167, beta=-0.117, A_start=0.0163, A_max=5.28e16
)
NARROW_REPLAY = ReplayTable(
    name="narrow", title="", parameters=10e9, tokens=300e9, loss_unit="nats/token",
    shares=[0.0, 0.05], old=[1.98, 1.79], new=[2.0, 2.0], old_before=1.75,
)  # fmt: skip
WIDE_REPLAY = ReplayTable(
    name="wide", title="", parameters=405e6, tokens=200e9, loss_unit="nats/token",
    shares=[0.0, 0.01, 0.05, 0.1, 0.25, 0.5], old=[3.56, 2.83, 2.57, 2.46, 2.33, 2.24],
    new=[1.11, 1.12, 1.12, 1.13, 1.16, 1.22], old_before=2.17,
)  # fmt: skip

DEVICE = Accelerator(
    name="device",
    title="Device",
    peak={"bf16": 1e15, "fp8": 2e15},
    mfu={
        "dense": Interval(low=0.3, central=0.4, high=0.5),
        "moe": Interval(low=0.2, central=0.25, high=0.3),
        "dense_fp8": Interval(low=0.25, central=0.3, high=0.35),
    },
    prices=[Price(usd_per_hour=2.5, date="2025-01-01", source="x", place="x")],
)


def gpt(n_layers: int = 4, d_model: int = 256, *, vocab_size: int = 5000, context_length: int = 1024) -> Architecture:
    """A decoder as GPT-2's: learned positions, the tied table is the head."""
    mixer = Attention(n_heads=4, n_kv_heads=4, d_head=d_model // 4, position=NoPosition())
    return Architecture(
        d_model=d_model,
        context_length=context_length,
        embedding=Embedding(vocab_size=vocab_size, tied=True, learned_positions=context_length),
        blocks={"decoder": Block(mixer=mixer, mlp=MLP(d_ff=4 * d_model, activation="gelu"), norm=LayerNorm())},
        layers=[Layers(blocks=["decoder"], repeat=n_layers)],
        final_norm=LayerNorm(),
    )

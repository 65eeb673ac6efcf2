"""Mixtures of experts."""

from __future__ import annotations

from lehr.simulators.layers.base import Kept, Layer, Weight, linear
from lehr.simulators.layers.mlp import MLP, Activation
from lehr.simulators.quantities import Extent, Size


class MoE(Layer, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="moe"):
    """``top_k`` of ``n_experts`` routed MLPs for each token, beside shared ones that all tokens use
    (Shazeer et al., arXiv:1701.06538; shared experts: DeepSeekMoE, arXiv:2401.06066).

    ``shared_d_ff`` is the hidden width of all shared experts together; by default each shared
    expert is as wide as a routed one. ``router_bias_buffer`` is the per-expert correction that
    DeepSeek-V3 moves without a gradient (arXiv:2412.19437, section 2.1.2): stored, not trained.
    ``shared_gate`` is the one-column gate on the shared expert (Qwen1.5-MoE). ``n_zero_experts`` are scored like the
    others and do nothing (LongCat-Flash, arXiv:2509.01322). ``router_scales`` are a gain for each feature that the
    router reads and for each expert, ``branch_norms`` the norms before the routed experts, after them and after the
    shared one (Gemma 4); ``output_norm`` is an RMSNorm of what the layer returns (A.X K1).
    With ``d_latent`` the routed experts work on that many features, to which and from which two matrices lead that all
    tokens use (LatentMoE: Nemotron 3 Super), with ``latent_norm`` behind an RMSNorm (Kimi K3).

    >>> from lehr.simulators.layers.base import total
    >>> moe = MoE(n_experts=256, top_k=8, n_shared_experts=1, d_ff_expert=2048, activation="silu",
    ...           gated=True, router_bias_buffer=True)
    >>> total(moe.weights(7168)), sum(w.active_size for w in moe.weights(7168) if w.role != "buffer")
    (11320164352, 398196736)
    """

    n_experts: Size
    top_k: Size
    d_ff_expert: Size
    activation: Activation
    n_shared_experts: Extent = 0
    shared_d_ff: Extent | None = None
    shared_gate: bool = False
    gated: bool = False
    bias: bool = False
    router_bias: bool = False
    router_bias_buffer: bool = False
    n_zero_experts: Extent = 0
    router_scales: bool = False
    branch_norms: bool = False
    output_norm: bool = False
    d_latent: Size | None = None
    latent_norm: bool = False

    def __post_init__(self) -> None:
        if self.top_k > self.n_experts:
            raise ValueError(
                f"top_k ({self.top_k}) is more than n_experts ({self.n_experts}); write top_k: {self.n_experts} or less"
            )

    def weights(self, d_model: int) -> list[Weight]:
        scored = self.n_experts + self.n_zero_experts
        router = [Weight("router", (scored, d_model), "router", "router")]
        if self.router_bias:
            router.append(Weight("router.bias", (scored,), "router", "bias"))
        if self.router_bias_buffer:
            router.append(Weight("router.correction", (scored,), "router", "buffer"))
        if self.router_scales:
            router += [Weight("router.scale", (d_model,), "router", "scale")]
            router += [Weight("router.expert_scale", (self.n_experts,), "router", "scale")]
        norms = ["experts_norm", "experts_out_norm", "shared_out_norm"] if self.branch_norms else []
        norms += ["out_norm"] if self.output_norm else []
        expert = MLP(d_ff=self.d_ff_expert, activation=self.activation, gated=self.gated, bias=self.bias)
        routed = [
            Weight(f"experts.{w.name}", w.shape, "experts", w.role, copies=self.n_experts, active=self.top_k)
            for w in expert.weights(self.d_latent or d_model)
        ]
        latent = []
        if self.d_latent is not None:
            latent += linear("latent_in", d_model, self.d_latent, "experts", bias=self.bias)
            latent += linear("latent_out", self.d_latent, d_model, "experts", bias=self.bias)
            latent += [Weight("latent_norm", (self.d_latent,), "norm", "scale")] if self.latent_norm else []
        return [
            *router,
            *routed,
            *latent,
            *self._shared(d_model),
            *(Weight(name, (d_model,), "norm", "scale") for name in norms),
        ]

    @property
    def d_ff_shared(self) -> int:
        """The hidden width of all shared experts together [features]; 0 where there are none."""
        return self.n_shared_experts * self.d_ff_expert if self.shared_d_ff is None else self.shared_d_ff

    def activation_bytes(self, d_model: int, seq_len: int, kept: Kept) -> float:
        # each chosen expert has a copy of the input and gives an output that its score weighs; scores are 32 bits
        inner = (4 if self.gated else 2) * (self.top_k * self.d_ff_expert + self.d_ff_shared)
        copied = 2 * self.top_k * (self.d_latent or d_model) + (2 * self.d_latent if self.d_latent else 0)
        return kept.bytes(d_model + copied + inner, full=self.n_experts)

    def _shared(self, d_model: int) -> list[Weight]:
        d_ff = self.d_ff_shared
        if d_ff == 0:
            return []
        shared = MLP(d_ff=d_ff, activation=self.activation, gated=self.gated, bias=self.bias)
        weights = [Weight(f"shared.{w.name}", w.shape, "shared experts", w.role) for w in shared.weights(d_model)]
        gate = [Weight("shared_gate", (1, d_model), "shared experts")] if self.shared_gate else []
        return [*weights, *gate]

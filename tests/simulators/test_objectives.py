"""What a stage's objective changes of its cost."""

import msgspec
import pytest

from lehr.simulators.architecture import Architecture, Block, Encoder, Layers
from lehr.simulators.counting import (
    FLOP_CONVENTIONS,
    count_parameters,
    forward_flops_per_token,
    training_flops_per_token,
)
from lehr.simulators.layers import MLP, Attention, CrossAttention, Embedding, LayerNorm, NoPosition
from lehr.simulators.machine.accelerator import Accelerator
from lehr.simulators.objectives import (
    ContinuousDiffusion,
    Contrastive,
    Fim,
    MaskedDiffusion,
    MaskedLM,
    NextToken,
    Objective,
    PolicyGradient,
    Preference,
    SpanDenoising,
    Supervised,
)
from lehr.simulators.projection.project import Assumptions, StageProjection, project_stage
from lehr.simulators.quantities import Interval
from lehr.simulators.schedules import Batch
from lehr.simulators.training import Stage

ATTENTION = Attention(n_heads=4, n_kv_heads=4, d_head=16, position=NoPosition())
BLOCK = Block(mixer=ATTENTION, mlp=MLP(d_ff=256, activation="gelu"), norm=LayerNorm())
DECODER = Architecture(
    d_model=64, context_length=512, embedding=Embedding(vocab_size=1000, tied=True), blocks={"block": BLOCK},
    layers=[Layers(blocks=["block"], repeat=2)], final_norm=LayerNorm(),
)  # fmt: skip
CROSSED = Block(
    mixer=ATTENTION, cross=CrossAttention(n_heads=4, n_kv_heads=4, d_head=16), mlp=BLOCK.mlp, norm=LayerNorm()
)
BOTH = Architecture(
    d_model=64, context_length=512, embedding=Embedding(vocab_size=1000, tied=True),
    blocks={"encoder": BLOCK, "decoder": CROSSED}, layers=[Layers(blocks=["decoder"], repeat=2)],
    final_norm=LayerNorm(),
    encoder=Encoder(layers=[Layers(blocks=["encoder"], repeat=2)], final_norm=LayerNorm()),
)  # fmt: skip

DEVICE = Accelerator(
    name="a", title="a", peak={"bf16": 1e15}, memory_bytes=8e10, mfu={"dense": Interval(low=0.3, central=0.4, high=0.5)}
)


def project(objective: Objective, architecture: Architecture = DECODER) -> StageProjection:
    stage = Stage(kind="PT", objective=objective, tokens=1e9, sequence_length=512)
    count = count_parameters(architecture)
    return project_stage(
        "pt",
        stage,
        architecture,
        count,
        tokens_before=0.0,
        laws=[],
        accelerators={"a": DEVICE},
        assumptions=Assumptions(fallback="a"),
    )


@pytest.mark.parametrize(
    "objective",
    [
        NextToken(fim=Fim(rate=0.5, formats=["psm", "spm"])),
        MaskedLM(mask_rate=0.15),
        MaskedDiffusion(),
        ContinuousDiffusion(n_steps=2000),
        Contrastive(temperature=0.05),
        Supervised(),
    ],
    ids=lambda o: str(o.__struct_config__.tag),
)
def test_these_cost_one_update_a_token(objective: Objective) -> None:
    assert project(objective).flops_per_token == project(NextToken()).flops_per_token


@pytest.mark.parametrize("objective", [Preference(method="dpo"), PolicyGradient(method="grpo", group_size=8)])
def test_these_cost_a_further_forward_pass(objective: Objective) -> None:
    """An update is a forward pass and a backward one of twice its work, so that one more makes four thirds."""
    assert project(objective).flops_per_token == pytest.approx(project(NextToken()).flops_per_token * 4 / 3, rel=1e-12)


def test_only_policy_gradients_speak_of_a_rollout() -> None:
    assert "rollout" in project(PolicyGradient()).warnings[0]
    assert "reference" in project(Preference(method="dpo")).warnings[0]


def test_span_denoising_writes_less_than_it_reads() -> None:
    """The decoder's tokens cost more (two attentions) and are fewer: 114 beside 512 that the encoder reads."""
    spans = project(SpanDenoising(noise_density=0.15, mean_span=3), BOTH).flops_per_token
    assert spans == training_flops_per_token(BOTH, 512, FLOP_CONVENTIONS["causal"], 114)
    assert spans < project(SpanDenoising(), BOTH).flops_per_token


@pytest.mark.parametrize(
    ("objective", "seq_len", "target"),
    [
        # the lengths that T5's random_spans_helper logs (Raffel et al., arXiv:1910.10683, section 3.1.4)
        (SpanDenoising(noise_density=0.15, mean_span=3), 512, 114),
        (SpanDenoising(noise_density=0.15), 512, None),
        (SpanDenoising(mean_span=3), 512, None),
        # nothing hidden: the end mark alone
        (SpanDenoising(noise_density=0.0, mean_span=3), 512, 1),
    ],
)
def test_what_the_decoder_writes(objective: SpanDenoising, seq_len: int, target: int | None) -> None:
    assert objective.target_length(seq_len) == target


def test_a_forward_pass_is_a_third_of_an_update() -> None:
    convention = FLOP_CONVENTIONS["causal"]
    assert training_flops_per_token(DECODER, 512, convention) == 3 * forward_flops_per_token(DECODER, 512, convention)


@pytest.mark.parametrize(("method", "answers"), [("dpo", 2), ("kto", 1)])
def test_rows_tokens_and_updates_of_preferences_agree(method: str, answers: int) -> None:
    """A batch counts examples, and an example of pairs has two sequences, however the length of a stage is said."""
    plain = Stage(kind="RL", objective=Preference(method=method), sequence_length=2048, batch=Batch(sequences=128))
    of_batch = 128 * answers * 2048
    for said in ({"examples": 12_800, "epochs": 1}, {"steps": 100}, {"tokens": 100 * of_batch}):
        stage = msgspec.structs.replace(plain, **said)
        tokens = stage.padded_tokens or stage.n_tokens
        assert (stage.n_steps, tokens, stage.final_batch_tokens) == (100, 100 * of_batch, of_batch)

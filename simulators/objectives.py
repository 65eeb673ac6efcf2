"""What a stage trains for: the objectives, and what each of them costs beside its update."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from lehr.simulators.quantities import NonNegative, Positive, PositiveShare, Share, Size
from lehr.simulators.rollouts import Rollout


class Fim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fill in the middle: the share of documents cut in three and reordered (Bavarian et al., arXiv:2207.14255);
    ``spm`` is the share of these whose suffix comes first."""

    rate: Share
    formats: list[Literal["psm", "spm"]] = []
    spm: Share | None = None

    def __post_init__(self) -> None:
        if self.spm and "spm" not in self.formats:
            raise ValueError("spm: is a share of a format that `formats` does not name; write formats: [psm, spm]")


class NextToken(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="next_token"
):
    """Next-token prediction, with fill-in-the-middle and multi-token prediction where used.

    ``fim`` moves pieces of a document and adds three marks to it, so that a token costs the same (Bavarian et al.,
    arXiv:2207.14255, section 3); ``mtp_weight`` trains the network's own modules for it, which are counted with it.
    """

    fim: Fim | None = None
    mtp_weight: Positive | None = None


class MaskedLM(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="masked_lm"
):
    """Masked language modelling (Devlin et al., arXiv:1810.04805)."""

    mask_rate: Share | None = None


class SpanDenoising(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="span_denoising"
):
    """Span corruption (Raffel et al., arXiv:1910.10683): spans of a text give way to one mark each, and the decoder
    writes the marks with what they stand for, which is shorter than what the encoder reads."""

    noise_density: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)] | None = None
    mean_span: Positive | None = None

    def target_length(self, seq_len: int) -> int | None:
        """What the decoder writes where the encoder reads ``seq_len`` tokens [tokens]; ``None`` where a setting is
        not known.

        Of n tokens r n are hidden, in r n / m spans: n - r n + r n / m + 1 = ``seq_len`` enter, with the end mark,
        and r n + r n / m + 1 leave (``random_spans_helper`` of T5's own code).

        >>> SpanDenoising(noise_density=0.15, mean_span=3).target_length(512)    # T5: 568 tokens make 512 and 114
        114
        """
        if self.noise_density is None or self.mean_span is None:
            return None
        # the whole numbers of spans and hidden tokens move the answer by a few tokens at most
        kept = 1 - self.noise_density + self.noise_density / self.mean_span
        tokens = max(1, int((seq_len - 1) / kept) - 3)
        while self._lengths(tokens + 1)[0] <= seq_len:
            tokens += 1
        return max(1, self._lengths(tokens)[1])

    def _lengths(self, tokens: int) -> tuple[int, int]:
        """What enters and what leaves of a text of ``tokens`` tokens."""
        assert self.noise_density is not None
        assert self.mean_span is not None
        hidden = round(tokens * self.noise_density)
        spans = round(hidden / self.mean_span)
        return tokens - hidden + spans + 1, hidden + spans + 1


class MaskedDiffusion(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="masked_diffusion"
):
    """Masked diffusion: a random share of tokens is hidden, all are predicted at once (LLaDA, arXiv:2502.09992)."""


class ContinuousDiffusion(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="continuous_diffusion"
):
    """Diffusion of embeddings: noise is added to the vectors of all tokens, which the network predicts at one drawn
    step of ``n_steps`` (Diffusion-LM, Li et al., arXiv:2205.14217)."""

    n_steps: Size | None = None


class Contrastive(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="contrastive"
):
    """Contrastive training of embeddings (InfoNCE, van den Oord et al., arXiv:1807.03748)."""

    temperature: Positive | None = None


class Supervised(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="supervised"
):
    """Supervised fine-tuning: the loss counts the answers' tokens."""


class Distillation(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="distillation"
):
    """Knowledge distillation: the probabilities of a ``teacher`` stand in for those of the text (Hinton et al.,
    arXiv:1503.02531); ``weight`` is the share of the loss that they have, the rest being that of the text.

    Every token takes a forward pass of the teacher, unless its probabilities were ``stored`` before.
    """

    teacher: str
    temperature: Positive = 1.0
    weight: PositiveShare = 1.0
    stored: bool = False


class Preference(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="preference"
):
    """Offline preference optimisation; ``beta`` is how strongly the network is held to its reference (DPO, Rafailov et
    al., arXiv:2305.18290, equation 7)."""

    method: str
    beta: Positive | None = None

    @property
    def pairs(self) -> bool:
        """Whether an example is two answers; KTO (Ethayarajh et al., arXiv:2402.01306) learns from one."""
        return self.method.lower() != "kto"


class PolicyGradient(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="policy_gradient"
):
    """Online reinforcement learning (PPO, GRPO and their kin); ``method`` absent where the report does not name it.

    ``group_size`` answers are written to each prompt; ``rollout`` says what a step writes, scores and learns from;
    ``kl`` weighs the Kullback-Leibler divergence from the frozen reference in what is learnt (Shao et al.,
    arXiv:2402.03300, equation 3), ``clip`` is how far the ratio of probabilities may be from 1 in that.

    Raises ``ValueError`` for a ``kl`` without a reference.
    """

    method: str | None = None
    group_size: Size | None = None
    kl: NonNegative | None = None
    clip: Positive | None = None
    rollout: Rollout | None = None

    def __post_init__(self) -> None:
        if self.kl and self.rollout is not None and not self.rollout.reference:
            raise ValueError("kl: is a distance from a reference; write rollout.reference=true, or kl: 0")


Objective = (
    NextToken
    | MaskedLM
    | SpanDenoising
    | MaskedDiffusion
    | ContinuousDiffusion
    | Contrastive
    | Supervised
    | Distillation
    | Preference
    | PolicyGradient
)


def further_forward_passes(objective: Objective) -> int:
    """Forward passes of a token beside those of its update, which are one forward and one backward.

    One for preferences, of the model that training started from (Rafailov et al., arXiv:2305.18290, equation 7); one
    for policy gradients, in which the token was written. A reward model, a critic, and a second reference are not
    counted. None for the others: a diffusion model draws one step of noise for each text (Nie et al.,
    arXiv:2502.09992, algorithm 1), a contrastive loss compares texts of the same batch.

    >>> further_forward_passes(MaskedDiffusion()), further_forward_passes(Preference(method="dpo"))
    (0, 1)
    """
    return 1 if isinstance(objective, (Preference, PolicyGradient)) else 0

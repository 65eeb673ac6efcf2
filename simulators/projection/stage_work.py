"""The work of a stage's tokens beside the network's own: its convention, a teacher, adapters, repeats."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from lehr.simulators.adapters import adapter_parameters
from lehr.simulators.architecture import Architecture
from lehr.simulators.counting import FLOP_CONVENTIONS, FlopConvention, count_parameters, forward_flops_per_token
from lehr.simulators.objectives import Distillation, NextToken, PolicyGradient, Preference
from lehr.simulators.projection.stage_time import FOUR_BITS
from lehr.simulators.quantities import number
from lehr.simulators.rollouts import usual_prompt
from lehr.simulators.training import Stage

MANY_EPOCHS = 4.0
"""Times that tokens may be seen before it shows in the loss (Muennighoff et al., arXiv:2305.16264, abstract) [1]."""


def stage_convention(architecture: Architecture, stage: Stage) -> FlopConvention:
    """The FLOP convention of a stage: causal, with the MTP modules where the objective trains them.

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> stage_convention(llama3_8b, Stage(kind="PT", objective=NextToken(), tokens=1e12)).name
    'causal'
    """
    trains_mtp = isinstance(stage.objective, NextToken) and stage.objective.mtp_weight is not None
    return FLOP_CONVENTIONS["causal_with_mtp" if trains_mtp and architecture.mtp else "causal"]


TYPICAL = 4096
"""The sequence length of a stage of which nothing says it [tokens]."""


def assumed_sequence(stage: Stage, architecture: Architecture) -> int:
    """The sequence length of a stage that states none: the whole context for long-context training, the mean of a
    prompt and an answer of reinforcement learning where those are known, else 4,096, or the most that an answer or the
    context may have where that is less [tokens].

    >>> from lehr.simulators.planning.ladder import dense
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> [assumed_sequence(Stage(kind=k, objective=NextToken()), llama3_8b) for k in ("PT", "REPO_PT")]
    [4096, 8192]
    """
    if stage.kind == "REPO_PT":
        return architecture.context_length
    mean, most = _of_answers(stage)
    return min(mean or min(TYPICAL, most or TYPICAL), architecture.context_length)


def worked_sequence(stage: Stage, architecture: Architecture) -> int:
    """The length by which the work of a token is counted [tokens]: that of a stage, but of reinforcement learning the
    mean of a prompt and an answer where that of answers is known, however long the longest may be.

    >>> from lehr.simulators.objectives import PolicyGradient
    >>> from lehr.simulators.planning.ladder import dense
    >>> from lehr.simulators.rollouts import Lengths, Rollout
    >>> told = PolicyGradient(rollout=Rollout(prompts=64, response=Lengths(mean=2000)))
    >>> llama3_8b = dense(4096, vocab_size=128256, context_length=8192)
    >>> worked_sequence(Stage(kind="RL", objective=told, sequence_length=8192), llama3_8b)
    2300
    """
    stated = stage.sequence_length or assumed_sequence(stage, architecture)
    return min(mean_sequence(stage) or stated, stated)


def mean_sequence(stage: Stage) -> int | None:
    """The mean of a prompt and an answer together of reinforcement learning, where that of answers is known [tokens];
    that of prompts is the usual one where nobody says it."""
    rollout = stage.objective.rollout if isinstance(stage.objective, PolicyGradient) else None
    if rollout is None or rollout.response.mean is None:
        return None
    return round(usual_prompt(rollout.prompt).known + rollout.response.mean)


def sequence_said(stage: Stage, seq_len: int) -> list[str]:
    """What is to be said of a sequence length that the stage does not state.

    >>> from lehr.simulators.objectives import PolicyGradient
    >>> from lehr.simulators.rollouts import Lengths, Rollout
    >>> told = Rollout(prompts=64, response=Lengths(cap=8192))
    >>> sequence_said(Stage(kind="RL", objective=PolicyGradient(rollout=told)), 4096)
    ['sequence length not known; 4,096 is assumed, of at most 8,192 of an answer']
    """
    if stage.sequence_length is not None:
        return []
    mean, most = _of_answers(stage)
    whence = "" if most is None else f", of at most {most:,} of an answer"
    if mean is not None:
        whence = ", the mean of a prompt and an answer" if mean == seq_len else ", the whole context"
    return [f"sequence length not known; {seq_len:,} is assumed{whence}"]


def _of_answers(stage: Stage) -> tuple[int | None, int | None]:
    """The mean of a prompt and an answer together, and the most that an answer may have [tokens]."""
    rollout = stage.objective.rollout if isinstance(stage.objective, PolicyGradient) else None
    if rollout is None:
        return None, None
    prompt, answer = rollout.prompt.mean, rollout.response.mean
    return None if prompt is None or answer is None else round(prompt + answer), rollout.response.cap


def repeats_of(stage: Stage) -> float:
    """Tokens of a stage that it had seen before: all passes but the first [tokens].

    >>> repeats_of(Stage(kind="PT", objective=NextToken(), tokens=40e9, epochs=4))
    30000000000.0
    """
    tokens, epochs = stage.n_tokens or 0.0, number(stage.epochs) or 1.0
    return tokens * (1 - 1 / max(epochs, 1.0))


def most_tokens(stage: Stage, seq_len: int) -> tuple[float | None, list[str]]:
    """The most tokens that fine-tuning trains on [tokens], and what is assumed for it: of pairs of answers, whose
    number alone was published, one pass at ``seq_len`` tokens each.

    >>> most_tokens(Stage(kind="RL", objective=Preference(method="dpo"), examples=20_000), 32_768)
    (1310720000.0, ['one pass over its pairs is assumed'])
    >>> most_tokens(Stage(kind="SFT", objective=NextToken(), examples=20_000), 32_768)
    (None, [])
    """
    padded = stage.padded_tokens
    if padded is not None or stage.examples is None or not isinstance(stage.objective, Preference):
        return padded, []
    assumed = [] if stage.epochs is not None else ["one pass over its pairs is assumed"]
    whole = msgspec.structs.replace(stage, sequence_length=seq_len, epochs=stage.epochs or 1.0)
    return whole.padded_tokens, assumed


def beside(
    stage: Stage, architecture: Architecture, seq_len: int, teachers: Mapping[str, Architecture]
) -> tuple[float, list[str]]:
    """What a teacher's pass adds to the work of a token, and what frozen weights take away [FLOP]; what is to be said
    of it."""
    per_token, said, convention = 0.0, [], stage_convention(architecture, stage)
    if stage.adapter is not None:
        trained = adapter_parameters(architecture, stage.adapter.matrices)
        # frozen weights pass gradients on and have none; the adapters have both
        per_token += 6.0 * trained - forward_flops_per_token(architecture, seq_len, convention)
        share = trained / count_parameters(architecture).total
        said.append(f"{trained:,} parameters of adapters are trained, {share:.3g} of the network's")
        if stage.adapter.kind == "qlora":
            said.append(
                f"weights in 4 bits are unpacked in every pass: where its utilisation is that of other runs, none of "
                f"which had such weights, a step takes as many times as long as that of its fastest layout, or "
                f"{FOUR_BITS.central:g} times where its devices are not known, and up to {FOUR_BITS.high:g} times in "
                f"small micro-batches, as published pairs did ({FOUR_BITS.low:g} to {FOUR_BITS.high:g})"
            )
    objective = stage.objective
    if isinstance(objective, Distillation):
        if objective.teacher not in teachers:
            raise ValueError(f"objective.teacher: no model is called {objective.teacher!r}")
        ours, theirs = (net.embedding.vocab_size for net in (architecture, teachers[objective.teacher]))
        if ours != theirs:
            said.append(
                f"its teacher {objective.teacher} has a vocabulary of {theirs:,} and not {ours:,} tokens: the "
                f"probabilities of tokens do not match"
            )
        if not objective.stored:
            per_token += forward_flops_per_token(teachers[objective.teacher], seq_len, convention)
            said.append(f"a token counts a forward pass of its teacher {objective.teacher}")
    return per_token, said

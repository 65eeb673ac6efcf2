"""Rollouts: what a step of reinforcement learning writes, scores and learns from."""

from __future__ import annotations

from functools import cache
from math import exp, fsum, inf, log, sqrt
from statistics import NormalDist, fmean
from typing import Literal

import msgspec

from lehr.simulators.quantities import Extent, NonNegative, Positive, Share, Size

USUAL_SIGMA = 0.8
"""Standard deviation of the logarithm of lengths of which no 95 % quantile is known: it is then 2.7 times the mean."""

Z_95 = 1.6449
LARGEST_RATIO = 3.8
"""95 % quantile over the mean beyond which no log-normal law has both: exp(1.6449**2 / 2) = 3.87."""

POINTS = 64

USUAL_CLIPPED = 0.01
"""Share of answers that run into the cap where none is given: of thousands of answers a step some never end."""


class Lengths(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lengths of prompts or answers [tokens]: log-normal with a ``mean`` and a 95 % quantile ``p95``, cut at ``cap``;
    a mean that nobody published is absent; it is that after the cut. ``clipped`` is the share of answers that run into
    the cap, whatever the law says.

    Raises ``ValueError`` where cap and quantile do not lie above the mean, or no such law has them.

    >>> Lengths(mean=4000, cap=2000)
    Traceback (most recent call last):
    ValueError: cap: 2000 is below the mean of 4000; write a cap above it
    >>> answers = Lengths(mean=2000, p95=6000, cap=16384)
    >>> round(fmean(answers.quantiles())), round(answers.longest(8192))
    (2000, 16384)
    """

    mean: Positive | None = None
    p95: Positive | None = None
    cap: Size | None = None
    clipped: Share | None = None

    def __post_init__(self) -> None:
        if self.mean is None:
            if self.p95 is not None:
                raise ValueError("p95: stands beside a mean; write it too")
            return
        if self.cap is not None and self.cap < self.mean:
            raise ValueError(f"cap: {self.cap:g} is below the mean of {self.mean:g}; write a cap above it")
        if self.p95 is not None and not self.mean <= self.p95 <= LARGEST_RATIO * self.mean:
            raise ValueError(
                f"p95: {self.p95:g} is not between the mean of {self.mean:g} and {LARGEST_RATIO:g} times it; correct it"
            )
        if self.p95 is not None and self.cap is not None and self.p95 > self.cap:
            raise ValueError(f"p95: {self.p95:g} is above the cap of {self.cap:g}; write one below it")

    @property
    def known(self) -> float:
        """The mean [tokens]. Raises ``ValueError`` where it is not known."""
        if self.mean is None:
            raise ValueError("the mean length is not known; write mean")
        return self.mean

    @property
    def sigma(self) -> float:
        """Standard deviation of the logarithm before the cut [1]."""
        if self.p95 is None:
            return 0.0 if self.cap == self.mean else USUAL_SIGMA
        return Z_95 - sqrt(Z_95**2 - 2 * log(self.p95 / self.known))

    def quantiles(self) -> tuple[float, ...]:
        """Lengths at ``POINTS`` equally likely points, rising; their mean is ``mean`` [tokens]."""
        shape = [exp(self.sigma * z) for z in _normal()]
        scale = self._scale(shape)
        return tuple(min(scale * s, self.cap or inf) for s in shape)

    def longest(self, of: float) -> float:
        """The length that one in ``of`` exceeds [tokens]."""
        if self.cap is not None and of * (USUAL_CLIPPED if self.clipped is None else self.clipped) >= 1:
            return float(self.cap)
        shape = [exp(self.sigma * z) for z in _normal()]
        z = NormalDist().inv_cdf(1 - 1 / max(of, 2.0 * POINTS))
        return min(self._scale(shape) * exp(self.sigma * z), self.cap or inf)

    def _scale(self, shape: list[float]) -> float:
        """By what the uncut rising shape is multiplied so that the cut lengths have the mean."""
        if self.cap is None:
            return self.known / fmean(shape)
        n = len(shape)
        for uncut in range(n, 0, -1):
            # so many points stay below the cap, and the others are it; fsum is the same in every Python
            scale = (n * self.known - (n - uncut) * self.cap) / fsum(shape[:uncut])
            if scale * shape[uncut - 1] <= self.cap:
                return scale
        return self.cap / shape[0]

    def scaled(self, factor: float) -> Lengths:
        """The same with a mean ``factor`` times as long, as far as the cap lets it [tokens]."""
        mean = self.known * factor
        if self.cap is not None:
            mean = min(mean, 0.98 * self.cap) if self.known < self.cap else float(self.cap)
        p95 = None if self.p95 is None else min(self.p95 * mean / self.known, self.cap or inf)
        return Lengths(mean=mean, p95=p95, cap=self.cap, clipped=self.clipped)


@cache
def _normal() -> tuple[float, ...]:
    """Quantiles of the normal law at the middles of ``POINTS`` equal shares [1]."""
    return tuple(NormalDist().inv_cdf((i + 0.5) / POINTS) for i in range(POINTS))


class Verifier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sandbox that runs an answer's code: ``seconds`` of a processor for each answer [s], on ``cpus`` processors."""

    seconds: NonNegative
    cpus: Size


ServingPrecision = Literal["bf16", "fp8", "fp4"]
SERVING_PRECISIONS: dict[ServingPrecision, str] = {
    "bf16": "weights in 16 bits",
    "fp8": "weights of the layers in 8 bits",
    "fp4": "weights of the layers in 4 bits, with a scale of 8 bits for each 16",
}


class Rollout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a step of reinforcement learning does beside its update.

    ``prompts`` questions a step, each answered as often as the objective's group says; ``epochs`` times each answer
    is learnt from, in ``updates`` mini-batches each time. ``reference``, ``critic`` and ``reward_parameters`` are the
    passes of a frozen copy, of a value model as large as the policy, and of a reward model of so many parameters.
    ``behind`` is by how many steps answers may be
    older than the weights that learn from them: 0 is synchronous. ``partial`` rollouts go on with newer weights.
    ``generators`` devices generate beside the others that train; without them all devices do both in turn, and so do
    they where answers may not be older than the weights.
    ``recomputed`` says whether the trainer computes the probabilities of the answers again; where it does not say, it
    does so if devices do both in turn, and takes the generators' if not. ``tensor`` devices share an answer, where
    that is known. ``batch`` answers a device writes together where its engine waits for the longest of them
    (transformers' ``generate``); other engines fill a place that ends with the next, of ``at_once`` places where their
    number is bounded (vLLM's ``max_num_seqs``). An ``eager`` engine starts each kernel from the host, as it records no
    graphs (vLLM's ``enforce_eager``); so does ``generate``.
    """

    prompts: Size | None = None
    prompt: Lengths = Lengths()
    response: Lengths = Lengths()
    epochs: Size = 1
    updates: Size = 1
    reference: bool = True
    critic: bool = False
    reward_parameters: Positive | None = None
    verifier: Verifier | None = None
    behind: Extent = 0
    partial: bool = False
    generators: Size | None = None
    recomputed: bool | None = None
    tensor: Size | None = None
    batch: Size | None = None
    at_once: Size | None = None
    eager: bool = False
    precision: ServingPrecision = "bf16"

    def __post_init__(self) -> None:
        if self.generators is None and (self.behind or self.partial):
            raise ValueError("answers are older than the weights only where some devices generate; write generators")
        if self.batch and self.at_once:
            raise ValueError("at_once: batches are as large as batch says; write one of the two")


def within(rollout: Rollout, context: Size) -> Rollout:
    """``rollout`` with answers that end where prompt and answer fill a ``context`` [tokens], unless a cap ends them.

    Raises ``ValueError`` where prompts, the mean answer or the cap are longer than that.

    >>> asked = Rollout(prompt=Lengths(mean=300), response=Lengths(mean=2000))
    >>> within(asked, 4096).response.cap
    3796
    >>> within(asked, 2048)
    Traceback (most recent call last):
    ValueError: answers of 2,000 tokens and prompts of 300 are longer than the context of 2,048; write fewer than 1,748
    """
    prompt, response = rollout.prompt.mean or 0.0, rollout.response
    left = int(context - prompt)
    if left < 1:
        raise ValueError(f"prompts of {prompt:,.0f} tokens leave no answer in the context of {context:,}; write less")
    if response.cap is not None and response.cap > left:
        raise ValueError(
            f"answers of up to {response.cap:,} tokens and prompts of {prompt:,.0f} are longer than the context of "
            f"{context:,}; write a cap of at most {left:,}"
        )
    if response.mean is not None and response.mean > left:
        raise ValueError(
            f"answers of {response.mean:,.0f} tokens and prompts of {prompt:,.0f} are longer than the context of "
            f"{context:,}; write fewer than {left:,}"
        )
    if response.cap is not None:
        return rollout
    # few answers get there, beside those that a cap cuts
    clipped = 0.0 if response.clipped is None else response.clipped
    return msgspec.structs.replace(rollout, response=msgspec.structs.replace(response, cap=left, clipped=clipped))


USUAL_ANSWERS, USUAL_SAMPLES = 1024, 16
USUAL_PROMPT, USUAL_RESPONSE = 300.0, 2000.0
USUAL_SHARE_OF_CAP = 0.25
"""Mean length over the cap where only that was published: an assumption of ours, answers growing as they are learnt."""
USUAL_SPREAD = 0.6
"""Standard deviation of the logarithm of an assumed mean length [1]."""


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """A rollout of which all is known or assumed: ``assumed`` says what was, ``spread`` is the standard deviation of
    the logarithm of an assumed mean response [1]."""

    rollout: Rollout
    samples: int
    assumed: list[str]
    spread: float

    @property
    def tokens(self) -> float:
        """Of all prompts, once an answer, and answers [tokens]."""
        assert self.rollout.prompts is not None
        return self.rollout.prompts * self.samples * (self.rollout.prompt.known + self.rollout.response.known)


def usual_prompt(prompt: Lengths) -> Lengths:
    """The lengths of prompts, of the usual mean where nobody says one.

    >>> usual_prompt(Lengths()).known, usual_prompt(Lengths(cap=100)).known, usual_prompt(Lengths(mean=50)).known
    (300.0, 100, 50)
    """
    return prompt if prompt.mean is not None else Lengths(mean=min(USUAL_PROMPT, prompt.cap or inf), cap=prompt.cap)


def completed(
    rollout: Rollout | None,
    samples: int | None,
    answers: int | None,
    method: str | None = None,
    *,
    context: Size | None = None,
) -> Completed:
    """``rollout`` with what was not published assumed; ``answers`` are those of an update's batch. PPO writes one
    answer to a prompt where nothing else is said, methods that compare answers several. An assumed answer is a quarter
    of its cap, or of the ``context`` [tokens] where that is less than usual.

    >>> done = completed(Rollout(response=Lengths(cap=32768)), 16, 512)
    >>> done.rollout.prompts, done.rollout.response.mean, done.assumed
    (32, 8192.0, ['prompts of 300 tokens', 'answers of 8,192 tokens on average, a quarter of the cap'])
    """
    given, assumed, spread = rollout or Rollout(), [], 0.0
    if samples is None:
        samples = 1 if method is not None and "ppo" in method.lower() else USUAL_SAMPLES
        assumed.append(f"{samples} answers to a prompt" if samples > 1 else "one answer to a prompt")
    prompts = given.prompts
    if prompts is None:
        prompts = max(1, (answers or USUAL_ANSWERS) // samples)
        if answers is None:
            assumed.append(f"{prompts} prompts a step")
    prompt, response = given.prompt, given.response
    if prompt.mean is None:
        prompt = usual_prompt(prompt)
        assumed.append(f"prompts of {prompt.known:,.0f} tokens")
    if response.mean is None:
        bound = USUAL_SHARE_OF_CAP * (context or inf)
        mean = USUAL_SHARE_OF_CAP * response.cap if response.cap else min(USUAL_RESPONSE, bound)
        response = Lengths(mean=mean, cap=response.cap, clipped=response.clipped)
        of_cap = ", a quarter of the cap" if response.cap else ""
        if not response.cap and bound < USUAL_RESPONSE:
            of_cap = ", a quarter of the context"
        assumed.append(f"answers of {mean:,.0f} tokens on average{of_cap}")
        spread = USUAL_SPREAD
    changed = msgspec.structs.replace(given, prompts=prompts, prompt=prompt, response=response)
    return Completed(rollout=changed, samples=samples, assumed=assumed, spread=spread)

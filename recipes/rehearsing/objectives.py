"""What one update of each objective computes: its loss, and what it measures on what was held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from lehr.recipes.rehearsing import networks, tasks
from lehr.recipes.rehearsing.corpus import ANSWER, END_OF_ANSWER, Corpus, even_windows, generator, infilled, windows
from lehr.recipes.rehearsing.parts import Tensor, Weights
from lehr.simulators.architecture import Architecture
from lehr.simulators.objectives import NextToken, PolicyGradient, Preference, Supervised
from lehr.simulators.training import Stage

HELD_OUT_TASKS = 128
"""Prompts that a pass rate is measured on."""
PREFERENCE_SCALE = 0.1
"""beta of preferences (Rafailov et al., arXiv:2305.18290, appendix B: 0.1 unless noted)."""
MEASURED = {
    NextToken: ("loss", "nats/byte"),
    Supervised: ("loss of the answers", "nats/byte"),
    Preference: ("preference loss", "nats/pair"),
    PolicyGradient: ("pass rate", "1"),
}
"""What is measured on what was held out, and its unit."""
SEED_OF_MEASURING = 99


class Trainer:
    """One stage's data and network: ``loss`` of an update, ``measure`` on what was held out."""

    def __init__(  # noqa: PLR0917
        self, shape: Architecture, stage: Stage, number: int, corpus: Corpus, found: tasks.Tasks | None,
        text_length: int, seed: int, held_out_bytes: int,
    ) -> None:  # fmt: skip
        self.shape, self.stage, self.number, self.corpus = shape, stage, number, corpus
        self.tasks, self.text_length, self.seed = found, text_length, seed
        self.held_out_bytes = held_out_bytes
        assert stage.sequence_length is not None
        self.length = stage.sequence_length
        self.reference: Weights | None = None

    def loss(self, weights: Weights, step: int, n: int) -> tuple[Tensor, float]:
        """The loss of update ``step`` over ``n`` texts, to go backward from, and the value that is logged."""
        random = generator(self.seed, self.number, step)
        objective = self.stage.objective
        if isinstance(objective, PolicyGradient):
            return self._rewarded(weights, n, random, objective.group_size or 8)
        if isinstance(objective, Preference):
            loss = self._preferred(weights, self._pairs(n, random))
            return loss, loss.item()
        if isinstance(objective, Supervised):
            assert self.tasks is not None
            rows, counted = tasks.packed(self.tasks.train, n, self.length, random)
        else:
            rows, counted = windows(self.corpus.train, n, self.length, random), None
            if isinstance(objective, NextToken) and objective.fim is not None:
                rows = infilled(rows, objective.fim.rate, random)
        plain, balance = self._cross_entropy(weights, rows, counted)
        return plain + balance, plain.item()

    def measure(self, weights: Weights) -> float:
        """The stage's figure on what was held out; always on the same."""
        import torch

        with torch.no_grad():
            objective = self.stage.objective
            if isinstance(objective, PolicyGradient):
                return self.pass_rate(weights)
            random = generator(self.seed, SEED_OF_MEASURING)
            if isinstance(objective, Preference):
                return float(self._preferred(weights, self._pairs(HELD_OUT_TASKS, random, held_out=True)))
            if isinstance(objective, Supervised):
                assert self.tasks is not None
                n = max(1, self.held_out_bytes // self.length)
                rows, counted = tasks.packed(self.tasks.held_out, n, self.length, random)
                return float(self._cross_entropy(weights, rows, counted)[0])
            # stages of longer texts are measured on texts as long as the first stage's, as their loss is compared
            n = max(1, self.held_out_bytes // self.text_length)
            rows = even_windows(self.corpus.held_out, n, self.text_length)
            return float(self._cross_entropy(weights, rows, None)[0])

    def pass_rate(self, weights: Weights) -> float:
        """The share of prompts held out that the most probable answer closes [1]."""
        import torch

        assert self.tasks is not None
        chosen = [self.tasks.held_out[i] for i in _even(len(self.tasks.held_out), HELD_OUT_TASKS)]
        with torch.no_grad():
            answers = self._written(weights, [prompt for prompt, _ in chosen], None)
        return float(np.mean([tasks.reward(prompt, a) for (prompt, _), a in zip(chosen, answers, strict=True)]))

    def _cross_entropy(self, weights: Weights, rows: Any, counted: Any) -> tuple[Tensor, Tensor]:
        import torch

        tokens = torch.tensor(rows.astype(np.int64))
        scores, balance = networks.forward(self.shape, weights, tokens[:, :-1])
        each = torch.nn.functional.cross_entropy(scores.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        if counted is None:
            return each.mean(), balance
        marks = torch.tensor(counted[:, 1:].astype(np.float32)).flatten()
        return (each * marks).sum() / marks.sum().clamp(min=1.0), balance

    def _pairs(
        self, n: int, random: np.random.Generator, *, held_out: bool = False
    ) -> list[tuple[bytes, bytes, bytes]]:
        """Prompts with a right and a wrong answer."""
        assert self.tasks is not None
        source = self.tasks.held_out if held_out else self.tasks.train
        chosen = [source[int(random.integers(len(source)))] for _ in range(max(1, n))]
        return [(prompt, right, tasks.spoiled(prompt, right, random)) for prompt, right in chosen]

    def _of_answers(self, weights: Weights, prompts: list[bytes], answers: list[bytes]) -> Tensor:
        """The log probability of each answer behind its prompt [nats]; shape (n,)."""
        import torch

        texts = [p + bytes([ANSWER]) + a for p, a in zip(prompts, answers, strict=True)]
        length = max(map(len, texts))
        tokens = torch.tensor(tasks.padded(texts, length).astype(np.int64))
        scores, _ = networks.forward(self.shape, weights, tokens[:, :-1])
        each = -torch.nn.functional.cross_entropy(scores.transpose(1, 2), tokens[:, 1:], reduction="none")
        at = torch.arange(length - 1)
        begins = torch.tensor([len(p) for p in prompts])[:, None]
        ends = torch.tensor([len(t) - 1 for t in texts])[:, None]
        return (each * ((at >= begins) & (at < ends))).sum(1)

    def _preferred(self, weights: Weights, pairs: list[tuple[bytes, bytes, bytes]]) -> Tensor:
        """-log sigmoid(beta (chosen over reference - rejected over reference)), equation 7 of Rafailov et al."""
        import torch

        assert self.reference is not None, "preferences are measured from the network that the stage began with"
        prompts, end = [p for p, _, _ in pairs] * 2, bytes([END_OF_ANSWER])
        answers = [right + end for _, right, _ in pairs] + [wrong + end for _, _, wrong in pairs]
        own = self._of_answers(weights, prompts, answers)
        with torch.no_grad():
            apart = self._of_answers(self.reference, prompts, answers)
        right, wrong = (own - apart).chunk(2)
        loss: Tensor = -torch.nn.functional.logsigmoid(PREFERENCE_SCALE * (right - wrong)).mean()
        return loss

    def _rewarded(self, weights: Weights, n: int, random: np.random.Generator, group: int) -> tuple[Tensor, float]:
        """GRPO (Shao et al., arXiv:2402.03300, section 4.1): answers of one prompt are judged by their group's mean
        and spread; one update on each batch, so that nothing is clipped. The mean reward is what is logged."""
        import torch

        assert self.tasks is not None
        chosen = [self.tasks.train[int(random.integers(len(self.tasks.train)))][0] for _ in range(max(1, n // group))]
        prompts = [prompt for prompt in chosen for _ in range(group)]
        with torch.no_grad():
            answers = self._written(weights, prompts, random)
        rewards = np.array([tasks.reward(p, a) for p, a in zip(prompts, answers, strict=True)]).reshape(-1, group)
        spread = rewards.std(axis=1, keepdims=True)
        better = ((rewards - rewards.mean(axis=1, keepdims=True)) / (spread + 1e-4)).reshape(-1)
        likely = self._of_answers(weights, prompts, answers)
        per_token = likely / torch.tensor([len(a) for a in answers])
        loss = -(torch.tensor(better.astype(np.float32)) * per_token).mean()
        return loss, float(rewards.mean())

    def _written(self, weights: Weights, prompts: list[bytes], random: np.random.Generator | None) -> list[bytes]:
        """An answer to each prompt, up to its end: drawn, or the most probable where there is no ``random``."""
        import torch

        texts = [prompt + bytes([ANSWER]) for prompt in prompts]
        lengths = np.array([len(t) for t in texts])
        rows = tasks.padded(texts, int(lengths.max()) + tasks.MOST_TOKENS)
        open_ = np.ones(len(texts), bool)
        for written in range(tasks.MOST_TOKENS):
            at = lengths + written
            tokens = torch.tensor(rows[:, : int(at.max())].astype(np.int64))
            scores = networks.forward(self.shape, weights, tokens)[0]
            here = scores[torch.arange(len(texts)), torch.tensor(at - 1)]
            if random is None:
                drawn = here.argmax(-1).cpu().numpy()
            else:
                shares = torch.softmax(here.double(), -1).cumsum(-1).cpu().numpy()
                drawn = (random.random(len(texts))[:, None] > shares).sum(1).clip(max=shares.shape[1] - 1)
            rows[np.flatnonzero(open_), at[open_]] = drawn[open_]
            open_ &= drawn != END_OF_ANSWER
            if not open_.any():
                break
        found = []
        for row, start in zip(rows, lengths, strict=True):
            answer = row[start : start + tasks.MOST_TOKENS].tobytes()
            end = answer.find(END_OF_ANSWER)
            found.append(answer if end < 0 else answer[: end + 1])
        return found


def _even(n: int, wanted: int) -> list[int]:
    """Up to ``wanted`` of ``n`` indices that lie evenly apart.

    >>> _even(10, 3), _even(2, 3)
    ([0, 4, 9], [0, 1])
    """
    return [int(i) for i in np.linspace(0, n - 1, min(n, wanted))]

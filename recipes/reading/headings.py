"""What a heading of a log means, by the names that trainers give."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lehr.recipes.errors import LehrError, nearest

STEP = (
    "step", "_step", "global_step", "train/global_step", "trainer/global_step", "iteration", "iter", "steps",
    "num_updates", "update", "it", "current_steps", "global_step/max_steps", "optimizer_step", "train/step",
    "train_step", "training_step", "n_iter",
)  # fmt: skip
LOSS = (
    "train/loss", "loss", "train_loss", "training_loss", "loss/train", "lm loss", "lm-loss", "lm loss training",
    "train/lm_loss", "train/cross_entropy", "train/ce_loss", "train/cross_entropy_loss", "cross_entropy", "ce_loss",
    "train/train_loss", "train/loss_step", "train_loss_step", "losses/train", "metalosses/ar", "train loss",
    "lm_loss", "global_avg_loss", "loss_metrics/global_avg_loss", "train/crossentropyloss", "train/bpb", "bpb",
    "bits_per_byte", "trl", "training/loss", "loss/total", "total_loss", "train/total_loss",
    "learner/loss", "lm loss/train",
)  # fmt: skip
HELD_OUT = (
    "val_loss", "val/loss", "validation_loss", "validation/loss", "valid_loss", "valid/loss", "eval_loss", "eval/loss",
    "test_loss", "loss/val", "loss/validation", "loss/eval", "val loss",
)  # fmt: skip
"""Losses on held-out data, which are taken where a log has no other."""
MAY_BE_LOSS = re.compile(r"loss|ppl|perplex|bpb|bpc")
"""What stands in the heading of a loss that is not known."""
RATE = (
    "lr", "learning_rate", "train/learning_rate", "train/lr", "learning-rate", "optim/lr", "optim/learning_rate",
    "optim/learning_rate_group0", "lr-adamw", "lr-adam", "learning rate", "lr/0", "optimizer/lr", "learningrate",
    "train/optim/lr", "schedule/lr", "lr-adamw/pg1", "lr-adam/pg1", "rate", "eta", "train_lr", "train_learning_rate",
    "current_lr", "learner/lr", "lr_scheduler/lr", "max_lr", "current_learning_rate", "lr/train",
)  # fmt: skip
"""The first that a log has is taken; capitals, and signs between words, make no difference."""
TOKENS = (
    "tokens", "n_tokens", "train/tokens", "tokens_seen", "consumed_tokens", "consumed tokens", "num_tokens",
    "total_tokens", "throughput/total_tokens", "train/tokens_seen", "tokens_trained", "tokens_processed",
)  # fmt: skip
"""Tokens trained on so far, which give the step where the batch is known."""
UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
"""Of a heading such as ``tokens (B)``."""
GRADIENT = (
    "grad_norm", "gradient_norm", "grad norm", "train/grad_norm", "optim/total_grad_norm", "gradnorm", "grad-norm",
    "gradient norm", "total_grad_norm", "train/gradient_norm", "actor/grad_norm",
)  # fmt: skip
SCALE = ("loss_scale", "loss scale", "grad_scale", "train/loss_scale", "lossscale", "loss-scale")
BATCH = (
    "batch_size", "global_batch_size", "global batch size", "batch-size", "train/batch_size", "train_batch_size",
    "train/global_batch_size",
)  # fmt: skip
EPOCH = ("epoch", "train/epoch", "current_epoch", "epochs")


def plainly(heading: str) -> str:
    """A heading in lower case whose words are parted by one sign.

    >>> plainly("Learning Rate"), plainly("train/lm-loss")
    ('learning_rate', 'train/lm_loss')
    """
    return re.sub(r"[\s\-_.]+", "_", heading.strip().lower()).strip("_")


def find(names: Iterable[str], headings: Iterable[str]) -> str | None:
    """The heading that has the first of ``names``, whole or behind a prefix of its own.

    >>> find(LOSS, ["epoch", "Train/Loss", "eval/loss"]), find(RATE, ["actor/lr"])
    ('Train/Loss', 'actor/lr')
    """
    headings = list(headings)
    plain = {plainly(heading): heading for heading in reversed(headings)}
    names = list(names)
    for name in names:
        if plainly(name) in plain:
            return plain[plainly(name)]
    tails = {}
    for heading in reversed(headings):
        head, _, tail = plainly(heading).rpartition("/")
        if not re.search(r"eval|valid|test|dev", head):
            tails[tail] = heading
    return next((tails[plainly(name)] for name in names if plainly(name) in tails), None)


def find_tokens(headings: Iterable[str]) -> tuple[str, float] | None:
    """The heading of the tokens so far, and how many its unit is.

    >>> find_tokens(["lr", "tokens (B)"]), find_tokens(["tokens_M"]), find_tokens(["Tokens"]), find_tokens(["loss"])
    (('tokens (B)', 1000000000.0), ('tokens_M', 1000000.0), ('Tokens', 1.0), None)
    """
    headings = list(headings)
    if (plain := find(TOKENS, headings)) is not None:
        return plain, 1.0
    for heading in headings:
        # behind a sign or in brackets
        unit = re.fullmatch(
            r"(.+?)(?:[\s_/]+[(\[]?|[(\[])([kmbt]|bn|(?:m|b|tr)illions?)[)\]]?", heading.strip().lower()
        )
        if unit is not None and find(TOKENS, [unit[1]]) is not None:
            return heading, UNITS[unit[2][0]]
    return None


def find_loss(headings: Iterable[str]) -> str | None:
    """The heading of the training loss, or where there is none that of a loss on held-out data.

    >>> find_loss(["val_loss", "train_time"]), find_loss(["val_loss", "train_loss"])
    ('val_loss', 'train_loss')
    """
    headings = list(headings)
    plain = {plainly(heading): heading for heading in reversed(headings)}
    return find(LOSS, headings) or next((plain[plainly(n)] for n in HELD_OUT if plainly(n) in plain), None)


def nearest_heading(name: str, headings: Iterable[str]) -> str:
    """What to write instead of ``name``."""
    return nearest(name, list(headings))


def loss_hint(headings: Iterable[str], wanted: str | None = None) -> str:
    """What to write where no loss is found in ``headings``: the one that may be it, else the nearest to ``wanted``.

    >>> loss_hint(["step", "perplexity"]), loss_hint(["step", "los"])
    ('write columns={loss: perplexity}', 'did you mean los?: write columns={loss: <heading>}')
    """
    headings = list(headings)
    may_be = [heading for heading in headings if MAY_BE_LOSS.search(heading.casefold())]
    if wanted is None and may_be:
        return f"write columns={{loss: {may_be[0]}}}"
    return f"{nearest_heading(wanted or 'loss', headings)}: write columns={{loss: <heading>}}"


def one_role_each(columns: dict[str, str]) -> None:
    """Raises ``LehrError`` where one heading is named for two roles.

    >>> one_role_each({"loss": "Value", "rate": "Value"})
    Traceback (most recent call last):
    lehr.recipes.errors.LehrError: columns: 'Value' cannot be both loss and rate; name a column for each
    """
    roles: dict[str, str] = {}
    for role, heading in columns.items():
        if heading in roles:
            raise LehrError(f"columns: {heading!r} cannot be both {roles[heading]} and {role}; name a column for each")
        roles[heading] = role

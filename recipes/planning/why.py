"""Why a plan's network: how sure the law is of its size, and what others would lose."""

from __future__ import annotations

from lehr.recipes.planning.result import Planned
from lehr.recipes.presenting.tables import short
from lehr.simulators.laws.moe import JointMoe

NEXT_TO_NOTHING = 0.005
"""Of a loss, in its own unit: what no choice of a size is made by."""


def why_lines(plan: Planned) -> list[str]:
    """Why this network: how sure the law is, its own optimum, and what half and double the size would lose."""
    chosen, lines = plan.plan.chosen, []
    region = plan.plan.region()
    said = []
    if plan.size is not None and plan.size[0] == plan.size[1]:
        several = " with its experts" if chosen.expansion > 1 else ""
        said.append(f"it is the network of the ladder{several} nearest to the {short(plan.size[0])} that size= says")
    elif chosen.wins is not None and len(plan.plan.candidates) > 1:
        sizes = sorted(c.active for c in region)
        where = f"between {short(sizes[0])} and {short(sizes[-1])}"
        ladder = sorted(c.active for c in plan.plan.candidates)
        # beyond its ends nothing was tried
        if sizes[-1] == ladder[-1]:
            where = f"at {short(sizes[0])} or more"
        elif sizes[0] == ladder[0]:
            where = f"at {short(sizes[-1])} or fewer"
        elif len(region) == 1:
            where = ""
        # how often one network wins says little: those beside it lose next to nothing to it
        asked = f", of {short(plan.size[0])} to {short(plan.size[1])} in all as size= says" if plan.size else ""
        said.append(f"the law puts the optimum {where} active parameters (95 %){asked}" if where else _flat(plan))
    if plan.own_optimum is not None:
        n, d = plan.own_optimum
        epochs = f", {d / plan.demand.unique:.3g} epochs" if plan.demand.unique and d > plan.demand.unique else ""
        name = "FLOP/token" if getattr(plan.law, "n_convention", "") == "flops_per_token" else "parameters"
        dense = " of dense networks" if chosen.expansion > 1 and not isinstance(plan.law, JointMoe) else ""
        said.append(f"at 6 N D its own optimum{dense} is {n:.3g} {name} on {d:.3g} tokens{epochs}")
    if (other := _rival(plan)) is not None:
        said.append(other)
    if said:
        lines.append(f"Why: {'; '.join(said)}.")
    same = [c for c in plan.plan.candidates if c.expansion == chosen.expansion]
    half = min(same, key=lambda c: abs(c.active / chosen.active - 0.5))
    if 0.4 < half.active / chosen.active < 0.6:
        lines.append(
            f"Half the size ({short(half.active)}, {short(half.tokens)} tokens) would lose {half.regret:+.4f} "
            f"{plan.plan.loss_unit} and serve at half the cost."
        )
    return lines


def _rival(plan: Planned) -> str | None:
    """Why not the network that the table has below the chosen one."""
    if plan.rival is None:
        return None
    size = short(plan.rungs[plan.rival.key].count.total)
    less = plan.plan.chosen.loss - next(c.loss for c in plan.plan.candidates if c.key == plan.rival.key)
    said = f"{size} would lose {less:.4f} {plan.plan.loss_unit} less at this network's utilisation, "
    if plan.rival.loss is None:
        return said + "but the devices do not hold it"
    return said + f"but {plan.rival.loss:+.4f} at what its own layout reaches"


def _flat(plan: Planned) -> str:
    """Which sizes lose next to nothing: one network that wins everywhere is of another shape than those beside it, and
    says no interval of sizes."""
    least = min(c.loss for c in plan.plan.candidates)
    near = [c.active for c in plan.plan.candidates if c.loss - least < NEXT_TO_NOTHING]
    return (
        f"networks of {short(min(near))} to {short(max(near))} active parameters lose less than {NEXT_TO_NOTHING:g} "
        f"{plan.plan.loss_unit}"
    )

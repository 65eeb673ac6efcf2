"""Learning rate and batch size as functions of the step: schedules (what a recipe says) and curves (resolved).

A stage's ``schedule`` names its ``kind``; durations are ``steps``, ``tokens`` or a ``fraction`` of the stage's steps::

    {kind: constant, peak: 1e-6}
    {kind: cosine, peak: 3e-4, floor: 3e-5, warmup: {steps: 2000}}
    {kind: linear, peak: 2e-5, warmup: {fraction: 0.03}}
    {kind: polynomial, peak: 2e-5, power: 2.0}
    {kind: exponential, peak: 3e-4, floor: 1e-5}
    {kind: inverse_sqrt, peak: 1e-3, warmup: {steps: 10000}}
    {kind: power_law, peak: 1e-3, exponent: 0.51, warmup: {steps: 2000}, decay: {fraction: 0.1}}
    {kind: multi_step, peak: 4.2e-4, milestones: [{fraction: 0.8, ratio: 0.316}, {fraction: 0.9, ratio: 0.1}]}
    {kind: wsd, peak: 2e-4, floor_ratio: 0.1, decay: {fraction: 0.1, shape: one_minus_sqrt}}
    {kind: wsd_s, peak: 3e-4, floor_ratio: 0.1, decay: {steps: 500}, ends: [{fraction: 0.5}, {fraction: 1.0}]}
    {kind: cosine_restarts, peak: 3e-4, cycles: 4}
    {kind: infinite, peak: 3e-4, plateau: 1.65e-4, cooldown: {fraction: 0.6, shape: cosine}, decay: {fraction: 0.1}}
    {kind: phases, peak: 2.2e-4, phases: [{tokens: 10e12}, {tokens: 4.3e12, shape: cosine, to: 2.2e-5}, {to: 7.3e-6}]}
"""

from lehr.simulators.schedules.base import Decay, Warmup
from lehr.simulators.schedules.batch import Batch
from lehr.simulators.schedules.curve import Curve, Phase, join
from lehr.simulators.schedules.decays import Constant, Cosine, Exponential, InverseSqrt, Linear, Polynomial, PowerLaw
from lehr.simulators.schedules.duration import Duration, TokenClock
from lehr.simulators.schedules.restarts import CosineRestarts
from lehr.simulators.schedules.stable import WSD, WSDS, Infinite
from lehr.simulators.schedules.stepwise import Milestone, MultiStep, Phases, Stretch
from lehr.simulators.schedules.weight_decay import WeightDecay

Schedule = (
    Constant
    | Cosine
    | Linear
    | Polynomial
    | Exponential
    | InverseSqrt
    | PowerLaw
    | MultiStep
    | WSD
    | WSDS
    | Infinite
    | CosineRestarts
    | Phases
)
"""Every schedule that a recipe may name by its ``kind``."""

__all__ = [
    "WSD",
    "WSDS",
    "Batch",
    "Constant",
    "Cosine",
    "CosineRestarts",
    "Curve",
    "Decay",
    "Duration",
    "Exponential",
    "Infinite",
    "InverseSqrt",
    "Linear",
    "Milestone",
    "MultiStep",
    "Phase",
    "Phases",
    "Polynomial",
    "PowerLaw",
    "Schedule",
    "Stretch",
    "TokenClock",
    "Warmup",
    "WeightDecay",
    "join",
]

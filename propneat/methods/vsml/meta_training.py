"""Meta-training by backpropagation through time: Adam on the mean loss of whole episodes of synthetic tasks."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from propneat.base.rng import make_rng
from propneat.methods.vsml.episodes import Task, gradient_of_tasks
from propneat.methods.vsml.parameters import N_PARAMETERS, draw_parameters
from propneat.methods.vsml.tasks import draw_task

__all__ = ["CURRICULUM", "MetaState", "Stage", "adam_step", "draw_tasks", "first_state", "meta_train"]

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_CLIP = 1.0


@dataclass(frozen=True)
class Stage:
    """A stretch of meta-training with episodes of one length."""

    length: int
    """Rows per episode."""
    steps: int
    """Meta-steps."""
    tasks: int
    """Tasks drawn for every meta-step."""
    first_rate: float
    """Adam's step size at the beginning of the stage; it falls along half a cosine."""
    last_rate: float
    """Adam's step size at the end of the stage."""
    positions: int = 128
    """Most inputs times classes of a task."""
    begins_anew: bool = False
    """Whether Adam forgets what it averaged before, so that nothing but the parameters counts."""

    def rate(self, step: int) -> float:
        """Return the step size of meta-step `step` of the stage."""
        return self.last_rate + 0.5 * (self.first_rate - self.last_rate) * (1 + np.cos(np.pi * step / self.steps))


CURRICULUM = (
    Stage(60, 1000, 64, 2e-3, 2e-3),
    Stage(200, 800, 32, 2e-3, 5e-4),
    Stage(500, 400, 24, 5e-4, 5e-5),
    Stage(300, 500, 16, 1e-3, 2e-5, positions=384),
    Stage(1500, 200, 8, 5e-4, 5e-5, begins_anew=True),
    Stage(3000, 40, 8, 1e-4, 1e-5),
)
"""How the parameters in the package were made: longer and longer episodes, larger tasks, and episodes of thousands of rows."""


@dataclass(frozen=True, eq=False)
class MetaState:
    """Where meta-training stands."""

    values: np.ndarray
    """float32 (N_PARAMETERS,)."""
    mean: np.ndarray
    """Adam's running mean of gradients, float64 (N_PARAMETERS,)."""
    square: np.ndarray
    """Adam's running mean of squared gradients, float64 (N_PARAMETERS,)."""
    losses: tuple[float, ...] = field(default=())
    """Mean loss of every meta-step's tasks, each relative to the logarithm of its number of classes."""

    @property
    def step(self) -> int:
        """Meta-steps made."""
        return len(self.losses)


def adam_step(state: MetaState, gradient: np.ndarray, rate: float, loss: float, begin: int = 0) -> MetaState:
    """Return the state after one step of Adam, which began at meta-step `begin`, along a gradient cut off at a norm of 1."""
    norm = float(np.linalg.norm(gradient))
    gradient = gradient * min(1.0, _CLIP / max(norm, 1e-12))
    n = state.step - begin + 1
    mean = _BETA1 * state.mean + (1 - _BETA1) * gradient
    square = _BETA2 * state.square + (1 - _BETA2) * gradient**2
    move = rate * (mean / (1 - _BETA1**n)) / (np.sqrt(square / (1 - _BETA2**n)) + _EPSILON)
    return MetaState((state.values - move).astype(np.float32), mean, square, (*state.losses, loss))


def draw_tasks(seed: int, step: int, stage: Stage) -> list[Task]:
    """Return the tasks of a meta-step; they depend on nothing but these."""
    rng = make_rng(seed, "vsml", "tasks", step)
    return [draw_task(rng, stage.length, stage.positions) for _ in range(stage.tasks)]


def first_state(seed: int) -> MetaState:
    """Return where meta-training begins."""
    return MetaState(draw_parameters(make_rng(seed, "vsml", "parameters")), np.zeros(N_PARAMETERS), np.zeros(N_PARAMETERS))


def meta_train(
    seed: int,
    curriculum: tuple[Stage, ...] = CURRICULUM,
    state: MetaState | None = None,
    callback: Callable[[MetaState], None] = lambda state: None,
) -> MetaState:
    """Meta-train through all stages and return the last state; going on from a state of the same run gives the same end."""
    state = state or first_state(seed)
    begin = adam_begin = 0
    for stage in curriculum:
        if stage.begins_anew:
            adam_begin = begin
            if state.step == begin:
                state = MetaState(state.values, np.zeros(N_PARAMETERS), np.zeros(N_PARAMETERS), state.losses)
        while begin <= state.step < begin + stage.steps:
            tasks = draw_tasks(seed, state.step, stage)
            gradient, losses = gradient_of_tasks(state.values, tasks)
            relative = float(np.mean(losses / np.log([task.Y.shape[1] for task in tasks])))
            state = adam_step(state, gradient, stage.rate(state.step - begin), relative, adam_begin)
            callback(state)
        begin += stage.steps
    return state

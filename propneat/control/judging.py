"""Whether a network is as good as its fitness says, and whether it has solved its environment."""

from dataclasses import dataclass
from itertools import product

import numpy as np

from propneat.base.rng import make_rng
from propneat.compiler import Programs, compile_pool, compile_programs
from propneat.control.compiled import first_states
from propneat.control.environment import Environment
from propneat.control.moments import Moments
from propneat.control.rollouts import CompiledWorld, Rollouts, World
from propneat.genome import GenePool, Genome
from propneat.settings.control_config import ControlConfig

__all__ = ["Verdict", "double_pole_starts", "generalisation", "judge", "judged_in"]

_LONG, _SHORT, _STARTS_NEEDED = 100_000, 1000, 200


@dataclass(frozen=True)
class Verdict:
    """What judging a network came to."""

    mean: float
    """Mean return."""
    spread: float
    """Standard deviation of the returns."""
    n_steps: int
    """Steps in the environment that judging took."""
    solved: bool


def judge(
    world: World, genome: Genome, config: ControlConfig, generation: int, moments: Moments | None, rollouts: Rollouts
) -> Verdict:
    """Judge the best genome of a generation, whose rollouts are given, in episodes of its own.

    It has solved the environment when its mean return reaches the target in `config.judge_episodes` episodes, and then in
    `config.test_episodes` others too. Where all episodes are alike, its fitness says all. Of double poles without velocities
    it has to balance for 100,000 steps and then, from 200 of 625 starts, for 1,000 (Gruau, Whitley and Pyeatt 1996); these
    steps are not counted.
    """
    environment = world.environment
    target = environment.solved_at if config.solved_at is None else config.solved_at
    if environment.is_fixed:
        best = int(np.argmax(np.nan_to_num(rollouts.returns[:, 0], nan=-np.inf)))
        mean = float(rollouts.returns[best, 0])
        if environment.name == "double-pole-no-velocities" and config.solved_at is None:
            lasted = rollouts.steps[best, 0] >= min(_SHORT, environment.max_steps)
            return Verdict(mean, 0.0, 0, bool(lasted) and _balances(world, genome, moments))
        return Verdict(mean, 0.0, 0, target is not None and mean >= target)
    programs = compile_programs(compile_pool(GenePool.pack([genome])))
    judged = judged_in(world, programs, moments, config.judge_episodes, config.seed, "judge", generation)
    mean, n_steps = float(judged.returns.mean()), judged.n_steps
    solved = False
    if target is not None and mean >= target:
        again = judged_in(world, programs, moments, config.test_episodes, config.seed, "solved", generation)
        solved, n_steps = bool(again.returns.mean() >= target), n_steps + again.n_steps
    return Verdict(mean, float(judged.returns.std()), n_steps, solved)


def judged_in(world: World, programs: Programs, moments: Moments | None, n_episodes: int, *identity: int | str) -> Rollouts:
    """Let every genome act in episodes that belong to an identity."""
    seeds = make_rng(*identity).integers(0, 2**63, n_episodes, dtype=np.uint64)
    return world.roll_out(programs, np.tile(seeds, (len(programs), 1)), moments)


def double_pole_starts(environment: Environment) -> np.ndarray:
    """Return the 625 starts of the generalisation test, float64 (625, n_state).

    Position, velocity, angle and angular velocity of cart and long pole lie at 0.05, 0.25, 0.5, 0.75 and 0.95 of their ranges,
    which are 2.16 m, 1.35 m/s, 3.6 degrees and 8.6 degrees a second to either side of 0.
    """
    ranges = np.array([2.16, 1.35, np.radians(3.6), np.radians(8.6)])
    states = np.zeros((5**4, environment.n_state))
    shares = np.array(list(product((0.05, 0.25, 0.5, 0.75, 0.95), repeat=4)))
    states[:, :4] = (2 * shares - 1) * ranges
    return states


def generalisation(world: CompiledWorld, genome: Genome, moments: Moments | None = None) -> int:
    """Return from how many of the 625 starts a network balances both poles for 1,000 steps."""
    programs = compile_programs(compile_pool(GenePool.pack([genome])))
    rollouts = world.roll_from(programs, double_pole_starts(world.environment)[None], moments, max_steps=_SHORT)
    return int(np.count_nonzero(rollouts.steps[0] >= _SHORT))


def _balances(world: CompiledWorld, genome: Genome, moments: Moments | None) -> bool:
    programs = compile_programs(compile_pool(GenePool.pack([genome])))
    seeds = np.zeros((1, 1), np.uint64)
    long = world.roll_from(programs, first_states(world.environment, seeds), moments, max_steps=_LONG)
    return bool(long.steps[0, 0] >= _LONG) and generalisation(world, genome, moments) >= _STARTS_NEEDED

"""PPO of stable-baselines3, with its default settings, in the same environments."""

import io
from typing import Any

from propneat.benchmark.control.arena import Policy
from propneat.benchmark.control.contest import Contest
from propneat.control.finding import make_gymnasium
from propneat.control.lanes import PythonWorld

__all__ = ["run"]


def run(contest: Contest) -> None:
    """Train until the contest is over; the policy is judged after every 2,048 steps, acting without noise."""
    import torch
    from stable_baselines3 import PPO

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    environment = _environment(contest)
    try:
        model, generation = PPO("MlpPolicy", environment, seed=contest.seed, device="cpu"), 0
        while True:
            model.learn(model.n_steps, reset_num_timesteps=False)
            contest.steps += model.n_steps
            if contest.look(_policy(model.policy), generation):
                return
            generation += 1
    finally:
        environment.close()
        torch.set_num_threads(n_threads)


def _environment(contest: Contest) -> Any:
    """Return one environment to learn in: for compiled ones gymnasium's of the same name, whose equations they have."""
    world = contest.arena.world
    if isinstance(world, PythonWorld):
        return world.make()
    return make_gymnasium(world.environment.name)


def _policy(policy: Any) -> Policy:
    """Return what acts as a policy does now, and goes on to when that has learnt more."""
    kept = io.BytesIO()
    policy.save(kept)
    kept.seek(0)
    frozen = type(policy).load(kept, device="cpu")
    return lambda seen, _: frozen.predict(seen, deterministic=True)[0]

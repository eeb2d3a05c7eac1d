"""The methods of the control benchmark by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec

from propneat.benchmark.control.arena import Arena
from propneat.benchmark.control.contest import TESTED, Contest, Result
from propneat.compiler import compile_pool, compile_programs
from propneat.control.judging import judged_in
from propneat.control.moments import Moments
from propneat.control.rollouts import World
from propneat.control.search import evolve_control
from propneat.genome import GenePool
from propneat.settings.control_config import default_control

__all__ = ["METHODS", "Method", "missing_package", "version_of"]


@dataclass(frozen=True)
class Method:
    """A way to find what acts well."""

    name: str
    does: str
    run: Callable[[World, int, int], Result]
    """Is given a world, a seed, and the steps in the environment after which nothing new begins."""
    package: str = "propneat"
    module: str = "propneat"
    """What is imported of the package."""


def _propneat(world: World, seed: int, budget: int, *, method: str, **changes: object) -> Result:
    """Run propneat with its default settings."""
    environment = world.environment
    config = replace(default_control(environment.name, method), seed=seed, env_steps=budget, generations=10**9, **changes)
    state = evolve_control(world, config)
    assert state.extra is not None
    scaling = state.extra["scaling"] and Moments.from_dict(state.extra["scaling"])
    programs = compile_programs(compile_pool(GenePool.pack([state.champion])))
    tested = judged_in(world, programs, scaling, TESTED, seed, "test")
    curve = tuple((row["env_steps"], row["champion_return"]) for row in state.history)
    solved_after = state.extra["env_steps"] if state.extra["solved"] else None
    return Result(solved_after, state.extra["env_steps"], tuple(tested.returns[0].tolist()), curve)


def _rival(world: World, seed: int, budget: int, *, module: str) -> Result:
    """Run a method that knows of environments what `Arena` and `Contest` show."""
    contest = Contest(Arena(world), seed, budget)
    import_module(f"propneat.benchmark.control.{module}").run(contest)
    return contest.result()


_LISTED = (
    Method("neat", "propneat --method neat", partial(_propneat, method="neat")),
    Method(
        "regression", "propneat, advantage-weighted regression", partial(_propneat, method="propneat", learning="regression")
    ),
    Method("gradient", "propneat, policy gradient", partial(_propneat, method="propneat", learning="gradient")),
    Method("neat-python", "neat-python", partial(_rival, module="neat_python"), "neat-python", "neat"),
    Method("openes", "OpenES on 16 tanh nodes", partial(_rival, module="open_es")),
    Method("ppo", "PPO of stable-baselines3", partial(_rival, module="ppo"), "stable-baselines3", "stable_baselines3"),
)
METHODS = {method.name: method for method in _LISTED}


def missing_package(method: Method) -> str | None:
    """Return the package that a method needs and that is not installed, if any."""
    return method.package if find_spec(method.module) is None else None


def version_of(method: Method) -> str:
    """Return the version of the package a method is of."""
    return version(method.package)

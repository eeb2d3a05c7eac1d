"""From the name of an environment to a world: our own, gymnasium's, or `package.module:NAME`."""

import difflib
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.extras import need
from propneat.base.importing import import_named
from propneat.control.compiled import ENVIRONMENTS
from propneat.control.environment import ActionSpace, Environment
from propneat.control.lanes import PythonWorld
from propneat.control.rollouts import CompiledWorld, World

__all__ = ["find_world", "make_gymnasium"]

_MOST_STEPS = 1000
"""Steps of an episode of environments that name no limit."""


def find_world(name: str, max_steps: int | None = None) -> World:
    """Return the world of a name; `max_steps` shortens its episodes.

    Raises ConfigError for a name that is none, spaces that networks cannot see or act in, and where gymnasium is needed and
    is not installed.
    """
    if name in ENVIRONMENTS:
        return CompiledWorld(_shortened(ENVIRONMENTS[name], max_steps))
    if ":" in name and "/" not in name:
        make = _from_module(name)
        return _python_world(name, make, None, max_steps)
    gymnasium = _import_gymnasium(name)
    try:
        spec = gymnasium.spec(name)
    except gymnasium.error.Error as error:
        near = difflib.get_close_matches(name, sorted({*ENVIRONMENTS, *gymnasium.registry}), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"our own are {', '.join(ENVIRONMENTS)}"
        raise ConfigError(f"there is no environment {name!r}: {hint}") from error
    return _python_world(name, lambda: make_gymnasium(name), spec, max_steps)


def make_gymnasium(name: str, **options: Any) -> Any:
    """Make an environment of gymnasium; raises ConfigError where what it needs is not installed."""
    gymnasium = _import_gymnasium(name)
    try:
        return gymnasium.make(name, **options)
    except (gymnasium.error.Error, ImportError) as error:
        raise ConfigError(f"gymnasium cannot make {name!r}: {' '.join(str(error).split())}") from error


def _import_gymnasium(name: str) -> Any:
    return need("gymnasium", f"{name!r}, which is none of our own environments ({', '.join(ENVIRONMENTS)}),")


def _from_module(name: str) -> Callable[[], Any]:
    """Return what `package.module:NAME` is."""
    found = import_named(name, "the environment")
    if not callable(found):
        raise ConfigError(f"{name} must be a class or function that makes an environment, not {type(found).__name__}")
    return found


def _shortened(environment: Environment, max_steps: int | None) -> Environment:
    return environment if max_steps is None else replace(environment, max_steps=max_steps)


def _python_world(name: str, make: Callable[[], Any], spec: Any, max_steps: int | None) -> PythonWorld:
    example = make()
    try:
        spec = spec or getattr(example, "spec", None)
        flatten, n_observations = _seen_space(name, example)
        unflatten, action = _acted_space(name, example)
    finally:
        if hasattr(example, "close"):
            example.close()
    limit = max_steps or getattr(spec, "max_episode_steps", None) or _MOST_STEPS
    environment = Environment(name, n_observations, action, limit, getattr(spec, "reward_threshold", None))
    return PythonWorld(environment, make, flatten, unflatten)


def _seen_space(name: str, example: Any) -> tuple[Callable[[Any], np.ndarray], int]:
    space = getattr(example, "observation_space", None)
    if _is_discrete(space):
        return lambda seen: np.eye(space.n)[int(seen) - int(getattr(space, "start", 0))], int(space.n)
    if not hasattr(space, "low"):
        raise ConfigError(f"the observations of {name} are {_called(space)}, and networks see numbers: Box or Discrete")
    return lambda seen: np.array(seen, np.float64).ravel(), math.prod(space.shape)


def _acted_space(name: str, example: Any) -> tuple[Callable[[Any], Any], ActionSpace]:
    space = getattr(example, "action_space", None)
    if _is_discrete(space):
        return lambda action: int(action) + int(getattr(space, "start", 0)), ActionSpace(int(space.n))
    if not hasattr(space, "low") or not np.issubdtype(space.dtype, np.floating):
        raise ConfigError(f"the actions of {name} are {_called(space)}, and networks choose (Discrete) or push (Box of floats)")
    low, high = np.ravel(space.low).astype(float), np.ravel(space.high).astype(float)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ConfigError(f"the actions of {name} have no limits to be scaled to: wrap it so that its Box is finite")
    action = ActionSpace(0, tuple(low.tolist()), tuple(high.tolist()))
    return lambda chosen: np.asarray(chosen, space.dtype).reshape(space.shape), action


def _is_discrete(space: Any) -> bool:
    return hasattr(space, "n") and not getattr(space, "shape", ())


def _called(space: Any) -> str:
    return "not given" if space is None else f"of type {type(space).__name__}"

"""A run in an environment from settings to files: evolve with checkpoints, test the champion, write what came of it."""

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np

from propneat import __version__
from propneat.base.crew import Crew
from propneat.base.errors import DamagedCheckpointError
from propneat.base.records import finite_or_none, write_atomic
from propneat.compiler import compile_pool, compile_programs, compile_structure
from propneat.control.champion import Champion
from propneat.control.finding import find_world
from propneat.control.judging import generalisation, judged_in
from propneat.control.moments import Moments
from propneat.control.rollouts import CompiledWorld, World
from propneat.control.search import CONTROL_COLUMNS, evolve_control, is_done, is_normalised
from propneat.control.shared import share
from propneat.genome import GenePool
from propneat.run.checkpoint import CHECKPOINT_SCHEMA, check_identity, load_checkpoint
from propneat.run.folder import RunFolder, claim_folder, free_folders, open_run_folder
from propneat.run.keeping import Keeper
from propneat.search import EvolveState
from propneat.settings.control_config import ControlConfig
from propneat.settings.control_file import control_layer, format_control, read_control_file, resolve_control
from propneat.settings.file import Layer

__all__ = ["resume_control", "run_control", "start_control"]

_MAY_GROW = frozenset({"control.generations", "control.env_steps"})
_EXTRA = {"return", "spread", "scaling", "moments", "evaluations", "env_steps", "solved", "peak", "improved"}

Perform = Callable[..., dict[str, Any]]


def start_control(
    config: ControlConfig,
    out: Path | str | None = None,
    *,
    force: bool = False,
    perform: Perform | None = None,
    crew: Crew | None = None,
) -> dict[str, Any]:
    """Begin a run in a folder of its own, by default results/ENV-seedN, carry it out, and return its summary.

    `perform` is called as `run_control` is. A `crew`, such as `propneat.base.crew.ProcessCrew(4)`, plays the episodes of an
    environment in Python, to the same bytes, and is left open. Raises ConfigError for settings, an environment or a folder that cannot be used,
    before anything is written.
    """
    world = _find_world(config, crew)
    folders = free_folders(None if out is None else Path(out), config.env, config.seed, force=force)
    folder = claim_folder(folders, format_control(config), force=force)
    with folder.held(), closing(world):
        return (perform or run_control)(config, world, folder, state=None)


def resume_control(
    folder: RunFolder | Path | str,
    changes: Layer | None = None,
    *,
    perform: Perform | None = None,
    crew: Crew | None = None,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Go on with the run in a folder to the same end as if it had never stopped, and return its summary.

    `changes` may raise `generations` and `env_steps`; `crew` is that of `start_control`. A finished run is left as it is, and `say` gets a line on that. Raises
    CheckpointError for a folder that holds no run, or one of other settings.
    """
    folder = folder if isinstance(folder, RunFolder) else open_run_folder(Path(folder))
    config = resolve_control([read_control_file(folder.config), changes or {}])
    world = _find_world(config, crew)
    state = _find_state(folder, config, world)
    summary = _read_summary(folder)
    if state and is_done(state, config) and summary.get("finished") is True and folder.champion.is_file():
        say(f"The run in {folder.path} is finished, nothing is left to do.")
        return summary
    with folder.held(), closing(world):
        return (perform or run_control)(config, world, folder, state=state)


def run_control(
    config: ControlConfig,
    world: World,
    folder: RunFolder,
    *,
    state: EvolveState | None = None,
    callbacks: Sequence[Callable[[EvolveState], bool | None]] = (),
) -> dict[str, Any]:
    """Evolve, save checkpoints by the time they take, write the results into the folder, and return the summary.

    Champion and history do not depend on interruptions.
    """
    folder.write_config(format_control(config))
    with Keeper(folder, _identity(config), state) as keep:
        state = evolve_control(world, config, callbacks=[keep, *map(keep.heeded, callbacks)], state=state)
    facts = _facts(config, world, state)
    scaling = _extra(state)["scaling"]
    champion = Champion(
        state.champion, config.env, world.environment.action, None if scaling is None else Moments.from_dict(scaling), facts
    )
    champion.save(folder.champion)
    folder.write_history(state.history)
    folder.write_timing(keep.seconds)
    _draw(folder, champion, state)
    summary = facts | {
        "finished": is_done(state, config),
        "generations_asked": config.generations,
        "folder": str(folder.path),
        "champion": str(folder.champion),
        "seconds": round(keep.elapsed, 3),
    }
    folder.write_summary(summary)
    return summary


def _find_world(config: ControlConfig, crew: Crew | None) -> World:
    world = find_world(config.env, config.max_steps)
    return world if crew is None else share(world, crew)


def _extra(state: EvolveState) -> dict[str, Any]:
    """Return what a state of control keeps beside that of tables."""
    return state.extra or {}


def _identity(config: ControlConfig) -> dict[str, Any]:
    return {"checkpoint schema": CHECKPOINT_SCHEMA, "propneat version": __version__, **control_layer(config)}


def _find_state(folder: RunFolder, config: ControlConfig, world: World) -> EvolveState | None:
    if not folder.checkpoint.exists() and not folder.summary.exists():
        return None
    state, identity = load_checkpoint(folder.checkpoint, CONTROL_COLUMNS, has_extra=True)
    check_identity(identity, _identity(config), may_grow=_MAY_GROW)
    sizes = (world.environment.n_observations, world.environment.action.n_outputs, config.evolution.population_size)
    if sizes != (state.champion.n_inputs, state.champion.n_outputs, len(state.population.pool)):
        raise DamagedCheckpointError(f"{folder.checkpoint} holds networks that do not fit {config.env}: start the run anew")
    try:
        extra = _extra(state)
        if set(extra) != _EXTRA or len(Moments.from_dict(extra["moments"]).mean) != sizes[0]:
            raise ValueError("it keeps other things")
    except (TypeError, KeyError, ValueError) as error:
        raise DamagedCheckpointError(f"{folder.checkpoint} is damaged ({error}): start the run anew") from error
    return state


def _read_summary(folder: RunFolder) -> dict[str, Any]:
    try:
        summary = json.loads(folder.summary.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return summary if isinstance(summary, dict) and summary.get("env") else {}


def _facts(config: ControlConfig, world: World, state: EvolveState) -> dict[str, Any]:
    """What a run was, without anything that differs when it is run again."""
    environment, extra = world.environment, _extra(state)
    n_episodes = 1 if environment.is_fixed else config.test_episodes
    programs = compile_programs(compile_pool(GenePool.pack([state.champion])))
    scaling = extra["scaling"] and Moments.from_dict(extra["scaling"])
    tested = judged_in(world, programs, scaling, n_episodes, config.seed, "test")
    plan = compile_structure(state.champion)
    test = {
        "episodes": n_episodes,
        "mean_return": finite_or_none(float(tested.returns.mean())),
        "spread": finite_or_none(float(tested.returns.std())),
    }
    if environment.name.startswith("double-pole"):
        test["starts_balanced_of_625"] = generalisation(cast(CompiledWorld, world), state.champion, scaling)
    return {
        "env": config.env,
        "method": config.method,
        "seed": config.seed,
        "propneat": __version__,
        "solved": extra["solved"],
        "solved_at": environment.solved_at if config.solved_at is None else config.solved_at,
        "generations": len(state.history),
        "evaluations": extra["evaluations"],
        "env_steps": extra["env_steps"],
        "test": test,
        "normalised": is_normalised(world, config),
        "connections": plan.n_edges,
        "hidden_nodes": plan.n_slots - plan.n_inputs - plan.n_outputs,
        "recurrent_connections": int(np.count_nonzero(plan.edge_recurrent)),
    }


def _draw(folder: RunFolder, champion: Champion, state: EvolveState) -> None:
    from propneat.report.control_progress import draw_control_progress
    from propneat.report.network_svg import draw_network

    write_atomic(folder.network, draw_network(champion.genome, title=f"Champion of {champion.environment}"))
    write_atomic(folder.progress, draw_control_progress(state.history))

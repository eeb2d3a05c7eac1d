"""A run from settings to files: load, divide, evolve with checkpoints, judge on rows held out, write what came of it."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from propneat import __version__
from propneat.base.errors import DamagedCheckpointError
from propneat.base.records import finite_or_none, write_atomic
from propneat.compiler import compile_genome, compile_structure
from propneat.model import Model
from propneat.model.scores import score_answers
from propneat.model.starting import starting_genomes
from propneat.model.summary import n_nodes
from propneat.run.checkpoint import CHECKPOINT_SCHEMA, check_identity, load_checkpoint
from propneat.run.data import RunData, load_run_table, prepare_run
from propneat.run.descent import write_descent
from propneat.run.folder import RunFolder
from propneat.run.front import FrontEntry, draw_champion, write_front
from propneat.run.judging import judge
from propneat.run.keeping import Keeper
from propneat.run.report import write_report
from propneat.search import EvolveResult, EvolveState, Problem, Trainer, evolve
from propneat.search.scores import SCORE_NAMES
from propneat.search.states import Callback, FrontMember
from propneat.settings.evolve_config import EvolveConfig
from propneat.settings.file import Settings, format_settings, to_layer
from propneat.training import Sequences, check_training, train_population

__all__ = ["RunData", "check_beginning", "find_state", "load_run_table", "prepare_run", "run", "settled", "warm_up"]


def settled(settings: Settings, data: RunData) -> Settings:
    """Return settings in which the rows have decided what was left to them."""
    return replace(settings, evolve=settings.evolve.for_rows(len(data.prepared.problem.train)))


def identity_of(settings: Settings, data: RunData) -> dict[str, Any]:
    """Return all that a run's course depends on; where the table lies is not part of it, what is in it is."""
    # whether there is to be a page changes nothing of the course
    layer = {key: value for key, value in to_layer(settings).items() if key != "report"}
    kept = {key: value for key, value in layer["data"].items() if key not in ("source", "data_dir")}
    own = {f"codes of your own {what}": codes for what, codes in settings.evolve.evolution.own_codes.items() if codes}
    return own | {
        "checkpoint schema": CHECKPOINT_SCHEMA,
        "propneat version": __version__,
        **layer,
        "data": kept,
        "data set": data.name,
        "SHA-256 of the data": data.sha256,
    }


def find_state(folder: RunFolder, settings: Settings, data: RunData) -> EvolveState | None:
    """Return the state a run folder stopped in, None when it has not got through a generation.

    The settings and the data must be those the run was begun with, except that `populations`, and of a single one `generations`,
    may have been raised: the run then goes on as if it had been asked for that many from the start. Raises CheckpointError, naming the difference, and
    DamagedCheckpointError for files that no such run can have written.
    """
    if not folder.checkpoint.exists() and not folder.summary.exists():
        return None
    state, identity = load_checkpoint(folder.checkpoint)
    check_identity(
        identity,
        identity_of(settings, data),
        may_grow=frozenset({"populations"} if settings.evolve.populations != 1 else {"generations"}),
    )
    samples, genome = data.prepared.problem.train, state.champion
    sizes = (genome.n_inputs, genome.n_outputs, len(state.population.pool))
    if sizes != (samples.X.shape[-1], samples.targets.shape[-1], settings.evolve.evolution.population_size):
        reason = "holds networks that do not fit the data or the settings"
        raise DamagedCheckpointError(f"{folder.checkpoint} {reason}: start the run anew")
    return state


def run(
    settings: Settings,
    data: RunData,
    folder: RunFolder,
    *,
    state: EvolveState | None = None,
    callbacks: Sequence[Callback] = (),
    train: Trainer = train_population,
) -> dict[str, Any]:
    """Evolve, save checkpoints by the time they take, write the results into the folder, and return the summary.

    A callback that returns True ends the run there, with results so far, once the checkpoint is on disk; see `Keeper`.
    With the setting `report` two baselines are trained too, and all is put on a page. Champion and history depend neither on interruptions
    nor on who trains; elapsed seconds, kept apart, count the sessions that ended cleanly.
    """
    folder.write_config(format_settings(settings))
    start_from = () if state else starting_genomes(settings.evolve.start, data.prepared)
    with Keeper(folder, identity_of(settings, data), state) as keep:
        told: list[Callback] = [keep, *map(keep.heeded, callbacks)]
        result = evolve(data.prepared.problem, settings.evolve, callbacks=told, state=state, start=start_from, train=train)
    front = _front(data, result)
    chosen = next(entry for entry in front if entry.genome == result.champion)
    facts = _facts(settings, data, result) | chosen.facts
    model = data.model(result.champion, facts)
    model.save(folder.champion)
    folder.write_history(result.history)
    folder.write_timing(keep.seconds)
    _draw(folder, data, model, result, keep.seconds, settings.evolve.generations)
    write_descent(folder, result.descent)
    write_front(folder, front, SCORE_NAMES[data.task], chosen.facts["connections"])
    summary = facts | {
        "finished": not result.interrupted,
        "generations_asked": settings.evolve.n_generations,
        "score_name": SCORE_NAMES[data.task],
        "source": data.source,
        "unit": data.unit,
        "folder": str(folder.path),
        "champion": str(folder.champion),
        "seconds": round(keep.elapsed, 3),
    }
    # a kill while the report is made loses nothing else
    folder.write_summary(summary)
    judgement = judge(data, model, settings.evolve.seed, baselines=settings.evolve.report)
    summary |= judgement.facts
    if settings.evolve.report:
        summary["report"] = str(folder.report)
        write_report(folder, settings, data, model, judgement, summary)
    folder.write_summary(summary)
    return summary


def _front(data: RunData, result: EvolveResult) -> list[FrontEntry]:
    """Return every network of the front with what the summary would say of it."""
    held_out = data.test_inputs()
    return [FrontEntry.of(member, _facts_of(member, data, held_out)) for member in result.front]


def _facts_of(member: FrontMember, data: RunData, held_out: np.ndarray | None) -> dict[str, Any]:
    """What a network of the front comes to; `held_out` are the network inputs of the test rows."""
    plan, scale = compile_structure(member.genome), data.prepared.target_scale
    scores = {}
    if held_out is not None:
        scores = score_answers(
            data.model(member.genome), data.test_outputs(compile_genome(member.genome), held_out), data.test_target
        )
    return {
        "validation_loss": finite_or_none(member.validation_loss),
        "validation_score": finite_or_none(member.validation_score),
        "test": {name: finite_or_none(value) for name, value in scores.items()},
        "connections": plan.n_edges,
        "hidden_nodes": plan.n_slots - plan.n_inputs - plan.n_outputs,
        "layers": plan.n_layers,
        "inputs_used": len(np.unique(plan.edge_source[plan.edge_source < plan.n_inputs])),
        "formula_nodes": n_nodes(member.genome, scale is not None and scale.log),
    }


def _facts(settings: Settings, data: RunData, result: EvolveResult) -> dict[str, Any]:
    """What a run was, without anything that differs when it is run again."""
    return {
        "data": data.name,
        "task": data.task,
        "method": settings.evolve.method,
        "seed": settings.evolve.seed,
        "propneat": __version__,
        "generations": len(result.history),
        "stopped": result.stopped,
        "populations": settings.evolve.populations,
        "pick": settings.evolve.pick,
        "rows": data.n_rows,
        **({} if settings.data.id is None else {"id": settings.data.id}),
        "reading": list(data.notes),
        "test_rows": data.n_test,
        "inputs": data.prepared.problem.train.X.shape[-1],
        "networks": len(result.front),
        "linear_share": result.linear_share,
    }


def _draw(folder: RunFolder, data: RunData, model: Model, result: EvolveResult, seconds: dict[int, float], each: int) -> None:
    from propneat.report.progress import draw_progress

    write_atomic(folder.network, draw_champion(model))
    timed = [{**row, "seconds": seconds.get(number)} for number, row in enumerate(result.history)]
    dots, lines = draw_progress(timed, score_name=SCORE_NAMES[data.task], each=each)
    write_atomic(folder.progress, dots)
    write_atomic(folder.progress_svg, lines)


def warm_up(config: EvolveConfig, problem: Problem, train: Trainer = train_population) -> None:
    """Run one generation of four networks, so that nearly all that has to be compiled or loaded first is.

    Raises what a run would that cannot begin, such as for a device that is not there.
    """
    evolve(problem, _brief(config), train=train)


def check_beginning(config: EvolveConfig, problem: Problem) -> None:
    """Raise what `warm_up` does, without training where that can be told without: on rows, by the engine "numba"."""
    if config.engine != "numba" or isinstance(problem.train, Sequences):
        warm_up(config, problem)
        return

    def check(plan: Any, rows: Any, training: Any, rng: Any, **options: Any) -> Any:
        check_training(plan, rows, training, **options)
        raise _Begun

    with suppress(_Begun):
        evolve(problem, _brief(config), train=check)


class _Begun(Exception):
    """A run would begin to train here."""


def _brief(config: EvolveConfig) -> EvolveConfig:
    """Return the settings of one generation of four networks."""
    evolution = replace(config.evolution, population_size=4)
    training = replace(config.training, epochs=min(1, config.training.epochs))
    brief: dict[str, Any] = {"generations": 1, "populations": 1, "fine_tune_epochs": 1, "prune_epochs": 0, "refit_epochs": 0}
    return replace(config, **brief, evolution=evolution, training=training)

"""A run from settings to files: load, divide, evolve with checkpoints, judge on rows held out, write what came of it."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from propneat import __version__
from propneat.base.errors import ConfigError, DamagedCheckpointError, DataError
from propneat.base.records import finite_or_none, sha256_hex, write_atomic
from propneat.base.rng import make_rng
from propneat.compiler import LayerPlan, compile_genome, evaluate
from propneat.data import ColumnPlan, Table, encode_target, load_table
from propneat.data.sequence_rows import SequenceRows
from propneat.data.split import split_rows
from propneat.genome import Genome
from propneat.model import Model
from propneat.model.preparation import PreparedProblem, prepare_problem
from propneat.model.scores import score_answers
from propneat.model.summary import n_nodes
from propneat.run.checkpoint import CHECKPOINT_SCHEMA, CheckpointWriter, check_identity, load_checkpoint
from propneat.run.folder import RunFolder
from propneat.run.front import FrontEntry, draw_champion, write_front
from propneat.run.sequence_data import divide_sequences
from propneat.search import EvolveResult, EvolveState, Problem, Trainer, evolve
from propneat.search.scores import SCORE_NAMES
from propneat.search.states import FrontMember
from propneat.settings.evolve_config import EvolveConfig
from propneat.settings.file import DataSettings, Settings, format_settings, to_layer
from propneat.training import Sequences, train_population

__all__ = ["RunData", "find_state", "load_run_table", "prepare_run", "run", "settled", "warm_up"]


@dataclass(frozen=True, eq=False)
class RunData:
    """A table divided into rows to learn from, as a problem, and rows held out (None when there are none)."""

    name: str
    target_name: str
    prepared: PreparedProblem
    n_rows: int
    test_features: Any
    test_target: Any
    target_plan: ColumnPlan
    notes: tuple[str, ...]
    """What was decided in reading the table, a line each; see `Table`."""
    sha256: str
    """Of everything learnt or judged from: prepared rows, their preprocessing, and the rows held out."""
    source: str
    """Where the table is from, in words, and whether it is a file that no checksum guards."""
    test_rows: SequenceRows | None = None
    """Which rows held out belong together, of a table of sequences."""

    @property
    def n_test(self) -> int:
        """Number of rows, or sequences, held out."""
        return 0 if self.test_target is None else len(self.test_target)

    def test_inputs(self) -> np.ndarray | None:
        """Return the network inputs of what is held out, (n_rows, n_inputs) or (n_sequences, n_steps, n_inputs)."""
        if self.test_features is None:
            return None
        inputs = self.prepared.preprocessor.transform(self.test_features)
        return inputs if self.test_rows is None else self.test_rows.stack(inputs)

    def test_outputs(self, plan: LayerPlan, inputs: np.ndarray) -> np.ndarray:
        """Return the raw answers of a network to these inputs, (n_test, n_outputs)."""
        outputs = evaluate(plan, inputs)
        return outputs if self.test_rows is None else self.test_rows.last(outputs)

    @property
    def task(self) -> str:
        """ "binary", "multiclass" or "regression"."""
        return self.prepared.problem.task

    def model(self, genome: Genome, about: dict[str, Any] | None = None) -> Model:
        """Return the model that applies `genome` to tables like this one."""
        return self.prepared.model(genome, target_name=self.target_name, target_plan=self.target_plan, about=about)


def prepare_run(settings: Settings) -> RunData:
    """Load the table of some settings and divide its rows; nothing is fitted to the rows held out.

    Raises DataError or ConfigError for a table or settings that cannot be learnt from.
    """
    data, seed = settings.data, settings.evolve.seed
    table = load_run_table(data)
    if data.sequence is not None:
        return _prepare_sequence_run(settings, table)
    codes = encode_target(table.target, table.task)[1]
    learn, test = split_rows(codes, data.test_fraction, table.task != "regression", make_rng(seed, "test"))
    if len(learn) < 4:
        raise DataError(f"a test_fraction of {data.test_fraction} leaves {len(learn)} rows to learn from, not 4: lower it")
    prepared = prepare_problem(
        table.features.iloc[learn],
        table.target.iloc[learn],
        table.task,
        seed=seed,
        class_weight=data.class_weight,
        **data.preparing,
        plan=table.plan,
    )
    test_features, test_target = (table.features.iloc[test], table.target.iloc[test]) if len(test) else (None, None)
    digest = _fingerprint(prepared, test_features, codes[test])
    target_name = table.target_plan.name
    notes = (*table.notes, *prepared.describe(table.features.iloc[learn], table.target.iloc[learn]))
    parts = (test_features, test_target, table.target_plan, notes)
    return RunData(table.name, target_name, prepared, len(table), *parts, digest, table.source)


def _prepare_sequence_run(settings: Settings, table: Table) -> RunData:
    divided = divide_sequences(settings, table)
    digest = _fingerprint(divided.prepared, divided.test_features, divided.test_codes)
    parts = (divided.test_features, divided.test_target, table.target_plan, divided.notes)
    name = table.target_plan.name
    return RunData(table.name, name, divided.prepared, len(table), *parts, digest, table.source, divided.test_rows)


def load_run_table(data: DataSettings) -> Table:
    """Load the table that settings name; raises DataError or ConfigError where that cannot be done."""
    if data.source is None:
        raise ConfigError("no data set is given: name one, as in propneat evolve breast_cancer_wisconsin, or a .csv file")
    return load_table(
        data.source, target=data.target, data_dir=data.data_dir, task=data.task, options=data.reading, form=data.form,
        carry=() if data.sequence is None else data.sequence.names,
    )  # fmt: skip


def _fingerprint(prepared: PreparedProblem, test_features: Any, test_codes: np.ndarray) -> str:
    scale = prepared.target_scale
    words = json.dumps([prepared.preprocessor.to_dict(), prepared.classes, scale and asdict(scale)])
    parts = [words.encode()]
    for samples in (prepared.problem.train, prepared.problem.validation):
        parts += [samples.X.tobytes(), samples.targets.tobytes(), samples.weights.tobytes()]
        parts += [samples.lengths.tobytes()] if isinstance(samples, Sequences) else []
    if test_features is not None:
        parts += [prepared.preprocessor.transform(test_features).tobytes(), test_codes.tobytes()]
    return sha256_hex(b"".join(len(part).to_bytes(8, "little") + part for part in parts))


def settled(settings: Settings, data: RunData) -> Settings:
    """Return settings in which the rows have decided what was left to them."""
    return replace(settings, evolve=settings.evolve.for_rows(len(data.prepared.problem.train)))


def identity_of(settings: Settings, data: RunData) -> dict[str, Any]:
    """Return all that a run's course depends on; where the table lies is not part of it, what is in it is."""
    layer = to_layer(settings)
    kept = {key: value for key, value in layer["data"].items() if key not in ("source", "data_dir")}
    return {
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
    check_identity(identity, identity_of(settings, data), may_grow=frozenset({"populations"} if settings.evolve.populations != 1 else {"generations"}))
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
    callbacks: Sequence[Callable[[EvolveState], bool | None]] = (),
    train: Trainer = train_population,
) -> dict[str, Any]:
    """Evolve, save a checkpoint after every generation, write the results into the folder, and return the summary.

    Callbacks are called after the checkpoint is on disk; one that returns True ends the run there, with results so far.
    Champion and history depend neither on interruptions nor on who trains; elapsed seconds, kept apart, count the sessions
    that ended cleanly.
    """
    folder.write_config(format_settings(settings))
    checkpoints = CheckpointWriter(folder.checkpoint, identity_of(settings, data), after=state)
    n_done = len(state.history) if state else 0
    seconds = {generation: value for generation, value in folder.read_timing().items() if generation < n_done}
    before, start = max(seconds.values(), default=0.0), time.perf_counter()

    def keep(reached: EvolveState) -> None:
        checkpoints.save(reached)
        seconds[len(reached.history) - 1] = before + time.perf_counter() - start

    result = evolve(data.prepared.problem, settings.evolve, callbacks=[keep, *callbacks], state=state, train=train)
    front = _front(data, result)
    chosen = next(entry for entry in front if entry.genome == result.champion)
    facts = _facts(settings, data, result) | chosen.facts
    model = data.model(result.champion, facts)
    model.save(folder.champion)
    folder.write_history(result.history)
    folder.write_timing(seconds)
    _draw(folder, data, model, result, seconds)
    write_front(folder, front, SCORE_NAMES[data.task])
    summary = facts | {
        "finished": not result.interrupted,
        "generations_asked": settings.evolve.n_generations,
        "score_name": SCORE_NAMES[data.task],
        "source": data.source,
        "folder": str(folder.path),
        "champion": str(folder.champion),
        "seconds": round(before + time.perf_counter() - start, 3),
    }
    folder.write_summary(summary)
    return summary


def _front(data: RunData, result: EvolveResult) -> list[FrontEntry]:
    """Return every network of the front with what the summary would say of it."""
    held_out = data.test_inputs()
    return [FrontEntry.of(member, _facts_of(member, data, held_out)) for member in result.front]


def _facts_of(member: FrontMember, data: RunData, held_out: np.ndarray | None) -> dict[str, Any]:
    """What a network of the front comes to; `held_out` are the network inputs of the test rows."""
    plan, scale = compile_genome(member.genome), data.prepared.target_scale
    scores = {}
    if held_out is not None:
        scores = score_answers(data.model(member.genome), data.test_outputs(plan, held_out), data.test_target)
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
        "populations": settings.evolve.populations,
        "pick": settings.evolve.pick,
        "rows": data.n_rows,
        "reading": list(data.notes),
        "test_rows": data.n_test,
        "inputs": data.prepared.problem.train.X.shape[-1],
        "networks": len(result.front),
    }


def _draw(folder: RunFolder, data: RunData, model: Model, result: EvolveResult, seconds: dict[int, float]) -> None:
    from propneat.report.progress import draw_progress

    write_atomic(folder.network, draw_champion(model))
    timed = [{**row, "seconds": seconds.get(number)} for number, row in enumerate(result.history)]
    write_atomic(folder.progress, draw_progress(timed, score_name=SCORE_NAMES[data.task]))


def warm_up(config: EvolveConfig, problem: Problem, train: Trainer = train_population) -> None:
    """Run one generation of four networks, so that nearly all that has to be compiled or loaded first is.

    Raises what a run would that cannot begin, such as for a device that is not there.
    """
    evolution = replace(config.evolution, population_size=4)
    training = replace(config.training, epochs=min(1, config.training.epochs))
    brief: dict[str, Any] = {"generations": 1, "populations": 1, "fine_tune_epochs": 1, "prune_epochs": 0, "refit_epochs": 0}
    evolve(problem, replace(config, **brief, evolution=evolution, training=training), train=train)

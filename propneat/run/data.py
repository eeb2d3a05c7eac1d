"""The table of a run, divided: rows to learn from, as a problem, and rows held out."""

import json
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.base.records import sha256_hex
from propneat.base.words import count
from propneat.compiler import LayerPlan, evaluate
from propneat.data import ColumnPlan, Table, encode_target, load_table
from propneat.data.next_steps import NextSteps, with_current
from propneat.data.sequence_rows import SequenceRows
from propneat.genome import Genome
from propneat.model import Model
from propneat.model.preparation import PreparedProblem, prepare_problem
from propneat.run.divided import hold_out
from propneat.run.forecast_data import divide_forecasts
from propneat.run.sequence_data import divide_sequences
from propneat.settings.data import DataSettings
from propneat.settings.file import Settings
from propneat.training import Sequences

__all__ = ["RunData", "load_run_table", "prepare_run"]


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
    forecasts: NextSteps | None = None
    """Which of their steps the column of a next step is forecast at, and what it is there, `current`, (n_test,)."""
    current: np.ndarray | None = None

    @property
    def n_test(self) -> int:
        """Number of rows, sequences or forecasts held out."""
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
        if self.forecasts is None:
            sequence = self.prepared.sequence
            return outputs if self.test_rows is None or sequence is None else self.test_rows.answered(outputs, sequence.answer)
        return self.forecast_outputs(self.forecasts.at(outputs))

    def forecast_outputs(self, outputs: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return raw answers (n, n_outputs) to forecasts, all or those at `rows`, from what networks or baselines learn."""
        current = cast(np.ndarray, self.current) if rows is None else cast(np.ndarray, self.current)[rows]
        return with_current(outputs, current, self.prepared.sequence, self.prepared.target_scale)

    @property
    def unit(self) -> str:
        """What is held out and counted: "rows", "sequences", or "steps" to forecast."""
        if self.prepared.sequence is None:
            return "rows"
        return "sequences" if self.prepared.sequence.next_step is None else "steps"

    @property
    def task(self) -> str:
        """ "binary", "multiclass" or "regression"."""
        return self.prepared.problem.task

    def model(self, genome: Genome, about: dict[str, Any] | None = None) -> Model:
        """Return the model that applies `genome` to tables like this one."""
        return self.prepared.model(genome, target_name=self.target_name, target_plan=self.target_plan, about=about)


def prepare_run(settings: Settings, table: Table | None = None) -> RunData:
    """Load the table of some settings, unless it is given, and divide its rows; nothing is fitted to the rows held out.

    Raises DataError or ConfigError for a table or settings that cannot be learnt from.
    """
    data, seed = settings.data, settings.evolve.seed
    table = load_run_table(data) if table is None else table
    if data.of_sequences:
        return _prepare_sequence_run(settings, table)
    data.refuse_answer()
    codes = encode_target(table.target, table.task)[1]
    learn, test = hold_out(data, codes, table.task, seed)
    if len(learn) < 4:
        raise DataError(
            f"a test_fraction of {data.test_fraction} leaves {count(len(learn), 'row')} to learn from, not 4: lower it"
        )
    prepared = prepare_problem(
        table.features.iloc[learn],
        table.target.iloc[learn],
        table.task,
        seed=seed,
        class_weight=data.class_weight,
        positive=data.positive,
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
    divided = (divide_sequences if settings.data.next_step is None else divide_forecasts)(settings, table)
    digest = _fingerprint(divided.prepared, divided.test_features, divided.test_codes)
    parts = (divided.test_features, divided.test_target, table.target_plan, divided.notes)
    name = table.target_plan.name
    tested = divided.test_rows, divided.forecasts, divided.current
    return RunData(table.name, name, divided.prepared, len(table), *parts, digest, table.source, *tested)


def load_run_table(data: DataSettings) -> Table:
    """Load the table that settings name; raises DataError or ConfigError where that cannot be done."""
    if data.source is None:
        raise ConfigError("no data set is given: name one, as in propneat evolve breast_cancer_wisconsin, or a .csv file")
    return load_table(
        data.source, target=data.target if data.next_step is None else data.next_step, data_dir=data.data_dir, task=data.task,
        options=data.reading, form=data.form, carry=data.sequence_columns, forecast=data.next_step is not None,
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

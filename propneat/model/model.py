"""A model: a genome with all that is needed to apply it to a table, as one object and one JSON file."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from propneat.base.errors import DataError, GenomeError
from propneat.base.records import write_atomic
from propneat.compiler import LayerPlan, compile_genome, evaluate, without_past
from propneat.data import TASKS, ColumnPlan, Preprocessor, TargetScale
from propneat.data.next_steps import with_current
from propneat.data.number_inputs import NumberInputs
from propneat.data.sequence_rows import CHANGE, VALUE, SequenceColumns, SequenceRows, read_arrays
from propneat.formula import Formula, make_formula
from propneat.genome import (
    Genome,
    format_document,
    genome_from_document,
    genome_to_document,
    has_own,
    parse_document,
    refuse_own,
)
from propneat.model.answers import QuickAnswers, class_probabilities
from propneat.settings.data import ANSWERS

__all__ = ["Model", "load_genome_file", "load_model", "read_genome_text"]

_MAX_BYTES = 128 * 2**20


@dataclass(frozen=True, eq=False)
class Model:
    """A network and the way from a row of a table to its inputs and from its outputs to an answer.

    Binary: one output, the logit of the second class. Multiclass: one output per class, joined by softmax. Regression: one
    output, in units of `target_scale`. `target_plan` says how cells of the target are read, where that is known. `about` holds
    plain facts, such as the data set, seed and scores. With `sequence` the model answers once for every sequence, at its last
    step: of a long table, in the order in which the ids first occur, or of an array (n_sequences, n_steps, n_features). With a
    `next_step` it forecasts: it answers for every row of a long table, or every step of an array, one sequence after another.
    """

    genome: Genome
    task: str
    preprocessor: Preprocessor
    classes: tuple[Any, ...] | None = None
    target_scale: TargetScale | None = None
    target_name: str = "target"
    about: Mapping[str, Any] = field(default_factory=dict)
    target_plan: ColumnPlan | None = None
    sequence: SequenceColumns | None = None

    def __post_init__(self) -> None:
        """Raise GenomeError when the parts do not fit together."""
        n_outputs = len(self.classes) if self.task == "multiclass" and self.classes else 1
        if self.task == "binary" and (self.classes is None or len(self.classes) != 2):
            raise GenomeError("a binary model needs exactly two classes")
        if self.task == "multiclass" and (self.classes is None or len(self.classes) < 2):
            raise GenomeError("a multiclass model needs at least two classes")
        if self.task == "regression" and self.target_scale is None:
            raise GenomeError("a regression model needs the scale of its target")
        if self.genome.n_inputs != len(self.preprocessor.rules) or self.genome.n_outputs != n_outputs:
            raise GenomeError(
                f"the preprocessing and task fit a network of {len(self.preprocessor.rules)} inputs and {n_outputs} outputs, "
                f"and this genome has {self.genome.n_inputs} and {self.genome.n_outputs}"
            )

    @property
    def labels(self) -> tuple[Any, ...]:
        """The classes of a classification; raises DataError for a model that predicts a number."""
        if self.classes is None:
            raise DataError("a model that predicts a number has no classes: see target_scale")
        return self.classes

    @property
    def scale(self) -> TargetScale:
        """The scale of a regression's target; raises DataError for a model that tells classes apart."""
        if self.target_scale is None:
            raise DataError("a model that tells classes apart has no scale of its target: see classes")
        return self.target_scale

    @cached_property
    def plan(self) -> LayerPlan:
        """The compiled genome."""
        return compile_genome(self.genome)

    def row_plan(self, what: str) -> LayerPlan:
        """Return the compiled genome of a model of single rows; raises GenomeError for one of sequences, no `what`, and for functions of one's own."""
        if self.sequence is not None and not self.plan.is_recurrent:
            raise GenomeError(f"{what} answers for rows, and this model for whole sequences: predict with propneat itself")
        refuse_own(vars(self.plan), what)
        return without_past(self.plan, what)

    @cached_property
    def formula(self) -> Formula:
        """The whole model, preprocessing included, as expressions in the columns of its table; raises as `row_plan` does."""
        self.row_plan("a formula")
        ids = self.genome.nodes["id"][self.plan.slot_gene].tolist()
        return make_formula(self.plan, ids, self.preprocessor, self.task, self.classes, self.target_scale, self.target_name)

    def to_sympy(self) -> Any:
        """Return the formula as a sympy expression, or a dict of them by class; see `propneat.formula.sympy_form`."""
        # torch brings sympy along
        from propneat.formula.sympy_form import to_sympy

        return to_sympy(self.formula)

    @property
    def input_names(self) -> list[str]:
        """Name of every network input."""
        return [rule.name for rule in self.preprocessor.rules]

    @property
    def output_names(self) -> list[str]:
        """Name of every network output: the class it speaks for, or the target."""
        if self.task == "multiclass":
            return [str(label) for label in self.labels]
        return [f"{self.target_name}={self.labels[1]}"] if self.task == "binary" else [self.target_name]

    @cached_property
    def used_features(self) -> tuple[str, ...]:
        """The columns that an output depends on; a table to predict from needs no others."""
        used = {
            self.preprocessor.rules[index].feature for index in np.unique(self.plan.edge_source) if index < self.plan.n_inputs
        }
        if self.sequence is not None and self.sequence.next_step == CHANGE:
            used.add(self.target_name)
        return tuple(name for name in self.preprocessor.features if name in used)

    @cached_property
    def quick_answers(self) -> QuickAnswers | None:
        """The way from arrays of numbers to outputs without a stop, for a model of single rows that reads numbers alone."""
        if self.sequence is not None or self.plan.is_recurrent or has_own(vars(self.plan)):
            return None
        inputs = NumberInputs.of(self.preprocessor, self.used_features)
        return None if inputs is None else QuickAnswers(self.plan.program, inputs)

    def outputs(self, table: Any) -> np.ndarray:
        """Return the raw network outputs for a dataframe or array of rows, float64 (n_rows, n_outputs), a row per sequence."""
        if self.sequence is None:
            answers = None if self.quick_answers is None else self.quick_answers.outputs(table)
            if answers is None:
                answers = evaluate(self.plan, self.preprocessor.transform(table, self.used_features))
            return answers
        features, rows = self.sequence_rows(table)
        steps = evaluate(self.plan, rows.stack(self.preprocessor.transform(features, self.used_features)))
        if self.sequence.next_step is None:
            return rows.answered(steps, self.sequence.answer)
        answers = np.empty((len(rows.rows), steps.shape[2]))
        answers[rows.rows] = rows.flat(steps)
        return with_current(answers, self.current(features), self.sequence, self.target_scale)

    def current(self, features: Any) -> np.ndarray:
        """Return what the column forecast is at every row, float64 (n_rows,); zeros where forecasts do not build on it."""
        if self.sequence is None or self.sequence.next_step != CHANGE:
            return np.zeros(len(features))
        read = self.preprocessor.plan.read(features, [self.target_name])[self.target_name]
        return np.where(read.missing, np.nan, cast(np.ndarray, read.numbers))

    def sequence_rows(self, table: Any) -> tuple[Any, SequenceRows]:
        """Return the rows of all steps of a model's sequences, and which belong together."""
        if np.ndim(table) == 3 or self.sequence is None or not (self.sequence.id or self.sequence.next_step):
            return read_arrays(table)
        return table, self.sequence.rows_of(table)

    def predict_proba(self, table: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes`.

        Raises DataError for a model that predicts a number.
        """
        if self.task == "regression":
            raise DataError("a model that predicts a number has no class probabilities: use predict")
        return class_probabilities(self.task, self.outputs(table))

    def predict(self, table: Any) -> np.ndarray:
        """Return the most probable class of every row, or the number in the target's units; shape (n_rows,)."""
        if self.task == "regression":
            return self.scale.invert(self.outputs(table)[:, 0])
        outputs = self.outputs(table)
        return np.array(self.labels)[(outputs[:, 0] > 0).astype(int) if self.task == "binary" else np.argmax(outputs, axis=1)]

    def to_json(self) -> str:
        """Return the model as a genome document with the key "model"; the same model gives the same text."""
        model = {
            "task": self.task,
            "target": self.target_name,
            "target_column": None if self.target_plan is None else self.target_plan.to_dict(),
            "classes": None if self.classes is None else list(self.classes),
            "target_scale": None if self.target_scale is None else _scale_to_dict(self.target_scale),
            "preprocessing": self.preprocessor.to_dict(),
            "about": dict(self.about),
        }
        if self.sequence is not None:
            plain = {"next_step": None, "answer": "last"}
            said = asdict(self.sequence)
            model["sequence"] = {name: said[name] for name in said if name not in plain or said[name] != plain[name]}
        return format_document({**genome_to_document(self.genome), "model": model})

    def save(self, path: Path | str) -> None:
        """Write `to_json` to a file, whole or not at all."""
        write_atomic(path, self.to_json())


def read_genome_text(path: Path | str) -> str:
    """Read a genome file as text; raises GenomeError when it is missing, huge, or not UTF-8 text."""
    path = Path(path)
    if not path.is_file():
        champion = path / "champion.json"
        hint = f"; that of this run is {str(champion)!r}" if champion.is_file() else ""
        raise GenomeError(f"there is no genome file {str(path)!r}{hint}")
    if path.stat().st_size > _MAX_BYTES:
        raise GenomeError(f"{path.name} has {path.stat().st_size} bytes, and at most {_MAX_BYTES} are read")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise GenomeError(f"{path.name} is not a UTF-8 text file, so it cannot hold a genome") from error


def load_genome_file(path: Path | str) -> tuple[Genome, Model | None]:
    """Read a genome file; the model is None when the file holds a bare genome. Raises GenomeError for anything else."""
    document = parse_document(read_genome_text(path))
    genome = genome_from_document(document)
    return genome, _model_from_document(genome, document["model"]) if "model" in document else None


def load_model(path: Path | str) -> Model:
    """Read a model from a genome file; raises GenomeError when the file lacks what is needed to apply the genome."""
    model = load_genome_file(path)[1]
    if model is None:
        raise GenomeError(f"{Path(path).name} holds a bare genome without preprocessing and classes, so it cannot predict")
    return model


def _model_from_document(genome: Genome, part: Any) -> Model:
    """Read the key "model" of a document; that of schema propneat.genome/1 has no "target_column"."""
    keys = {"task", "target", "classes", "target_scale", "preprocessing", "about"}
    if not isinstance(part, dict) or set(part) - {"target_column", "sequence"} != keys:
        listed = ", ".join(sorted(keys))
        raise GenomeError(f"'model' must be an object with exactly {listed} and target_column, and sequence or not")
    if part["task"] not in TASKS or not isinstance(part["target"], str) or not isinstance(part["about"], dict):
        raise GenomeError(f"'model' needs a task among {', '.join(TASKS)}, a target name, and an object 'about'")
    column = part.get("target_column")
    return Model(
        genome=genome,
        task=part["task"],
        preprocessor=Preprocessor.from_dict(part["preprocessing"]),
        classes=_read_classes(part["classes"]),
        target_scale=_read_scale(part["target_scale"]),
        target_name=part["target"],
        target_plan=None if column is None else ColumnPlan.from_dict(column),
        about=part["about"],
        sequence=_read_sequence(part["sequence"]) if "sequence" in part else None,
    )


def _read_sequence(value: Any) -> SequenceColumns:
    is_right = isinstance(value, dict) and set(value) - {"next_step", "answer"} == {"id", "time"}
    is_right = is_right and all(isinstance(name, str | None) for name in value.values())
    if is_right and "answer" in value:
        is_right = value["answer"] in ANSWERS and "next_step" not in value
    if is_right and "next_step" in value:
        is_right = value["next_step"] in (VALUE, CHANGE)
    elif is_right:
        is_right = not value["time"] or bool(value["id"])
    if not is_right:
        raise GenomeError(
            "'sequence' must be an object with the column id, or null, time, or null, and next_step, value or change, or "
            "answer, last or mean, or neither"
        )
    return SequenceColumns(**value)


def _read_classes(value: Any) -> tuple[Any, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(label, str | int | float) for label in value):
        raise GenomeError("'classes' must be a list of texts or numbers, or null")
    if len({(type(label), label) for label in value}) < len(value):
        raise GenomeError("'classes' names a class twice")
    return tuple(value)


def _scale_to_dict(scale: TargetScale) -> dict[str, float]:
    return {name: value for name, value in vars(scale).items() if value is not None and value is not False}


def _read_scale(value: Any) -> TargetScale | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise GenomeError("'target_scale' must be an object or null")
    numbers = {name: number for name, number in value.items() if name != "log"}
    bounds = {"low", "high"} & set(numbers)
    if set(numbers) - bounds != {"center", "scale"} or len(bounds) == 1:
        raise GenomeError("'target_scale' must be an object with center, scale, low and high or neither, and log or not")
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in numbers.values()):
        raise GenomeError("'target_scale' must hold numbers")
    if not value["scale"] > 0 or (bounds and value["low"] > value["high"]):
        raise GenomeError("'target_scale' must have a positive scale, and low no greater than high")
    if "log" in value and (value["log"] is not True or not bounds or not value["low"] > 0):
        raise GenomeError("'log' of 'target_scale' must be true, with a positive low, or be left out")
    return TargetScale(**{name: float(number) for name, number in numbers.items()}, log="log" in value)

"""Models and rows for tests of formulas: every kind of column and rule, and random networks on plain numbers."""

import numpy as np
import pandas
from random_genomes import random_genome

from propneat.data import EncodingOptions, Preprocessor, TargetScale
from propneat.data.input_rule import InputRule
from propneat.data.plan import ColumnPlan, TablePlan
from propneat.genome import ACTIVATIONS, NodeKind, make_genome
from propneat.model import Model

CLASSES = {"binary": ("no", "yes"), "multiclass": ("red", 'it\'s "blue"', "green"), "regression": None}


def a_table(rng: np.random.Generator, n_rows: int = 40) -> pandas.DataFrame:
    """Return rows as they are once read: numbers, texts, truth values and dates, some missing."""
    size, year = rng.normal(5, 2, n_rows), rng.integers(1995, 2024, n_rows)
    frame = pandas.DataFrame(
        {
            "mean size": np.where(rng.random(n_rows) < 0.2, np.nan, size),
            "class": rng.choice(["red", "it's", 'bl"ue', None], n_rows),
            "level": rng.integers(1, 5, n_rows).astype(float),
            "flag": rng.random(n_rows) < 0.4,
            "amount": np.where(np.arange(n_rows) % 9, rng.uniform(1000, 9000, n_rows), -200.0),
            "year": year.astype(float),
            "sold": pandas.to_datetime(rng.integers(0, 1_700_000_000, n_rows), unit="s").astype("datetime64[us]"),
            "town": rng.choice([f"{kind} {number}" for number in range(10) for kind in ("Bad", "San", "St")], n_rows),
        }
    )
    frame.loc[3, "sold"] = pandas.NaT
    return frame


def a_preprocessor(rng: np.random.Generator) -> Preprocessor:
    """Fit rules on a table and add those of kinds that this table does not call for."""
    frame = a_table(rng, 300)
    fitted = Preprocessor.fit(frame, targets=rng.normal(size=(300, 1)), options=EncodingOptions(one_hot_integers=6))
    columns = [ColumnPlan("amount", "number", sentinel=-200.0) if c.name == "amount" else c for c in fitted.plan.columns]
    more = (
        InputRule("a year, far from 0", "year", 2009.5, 8.5, low=1996.0, high=2020.0),
        InputRule("no amount", "amount", 0.1, 0.3, missing=True),
        InputRule("hour", "sold", 12.0, 6.0, part="hour"),
        InputRule("no date", "sold", 0.1, 0.3, missing=True),
        InputRule("a Monday", "sold", 0.1, 0.3, level=0, part="weekday"),
        InputRule("no class", "class", 0.2, 0.4, missing=True),
    )
    return Preprocessor((*fitted.rules, *(rule for rule in more if rule.name not in {r.name for r in fitted.rules})),
        TablePlan(tuple(columns), fitted.plan.missing))  # fmt: skip


def a_model(rng: np.random.Generator, preprocessor: Preprocessor, task: str, **genome: object) -> Model:
    """Return a model with a random network that draws on many of the inputs."""
    n_outputs = 3 if task == "multiclass" else 1
    network = random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=n_outputs, **({"scale": 0.3} | genome))
    is_log = bool(network.n_hidden % 2)
    scale = TargetScale(0.4, 0.7, 0.01, 90.0, True) if is_log else TargetScale(3.0, 2.5, -40.0, 90.0)
    scale = scale if task == "regression" else None
    return Model(network, task, preprocessor, CLASSES[task], scale, "outcome")


def plain_preprocessor(n_inputs: int) -> Preprocessor:
    """Return rules that hand numbers on as they are."""
    names = [f"x{k}" for k in range(n_inputs)]
    rules = tuple(InputRule(name, name, 0.0, 1.0) for name in names)
    return Preprocessor(rules, TablePlan(tuple(ColumnPlan(name, "number") for name in names)))


def plain_model(rng: np.random.Generator, **genome: object) -> tuple[Model, pandas.DataFrame]:
    """Return a model that is a random network alone, and rows for it."""
    network = random_genome(rng, n_outputs=1, **genome)
    model = Model(network, "regression", plain_preprocessor(network.n_inputs), None, TargetScale(0.0, 1.0))
    return model, pandas.DataFrame(rng.normal(size=(5, network.n_inputs)), columns=model.input_names)


def one_of_each() -> list[Model]:
    """Return a model for every activation: a node of it between two inputs and the output."""
    models = []
    for code in range(len(ACTIVATIONS)):
        nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.INPUT, 0, 0)]
        nodes += [(2, -0.1, NodeKind.OUTPUT, 0, 0), (3, 0.3, NodeKind.HIDDEN, code, 0)]
        genome = make_genome(nodes, [(0, 0, 3, 0.7, True), (1, 1, 3, -1.2, True), (2, 3, 2, -0.9, True)])
        models.append(Model(genome, "regression", plain_preprocessor(2), None, TargetScale(0.0, 1.0)))
    return models


def answers_of(model: Model, frame: pandas.DataFrame) -> np.ndarray:
    """Return what a formula of the model must give, (n_rows, n_answers)."""
    if model.task == "regression":
        return model.predict(frame)[:, None]
    return model.predict_proba(frame)[:, 1:] if model.task == "binary" else model.predict_proba(frame)

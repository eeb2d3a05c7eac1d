"""How good the network of a run is on the rows held out: intervals, two baselines beside it, and what its columns are worth."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np

from propneat.base.records import finite_or_none
from propneat.compiler import evaluate
from propneat.data.sequence_rows import answered
from propneat.model import Model
from propneat.model.importance import Importance, Rows, permutation_importance
from propneat.model.intervals import Answers, answers_of, compare_answers, score_all, score_intervals, values_of
from propneat.run.baselines import Baseline, persistence, train_baselines
from propneat.run.data import RunData

__all__ = ["HEADLINES", "JUDGED", "Judgement", "judge"]

HEADLINES = {"binary": "auc", "multiclass": "auc", "regression": "r2"}
"""The score by which methods are compared, by task."""
_LOSSES = ("log_loss", "rmse")
JUDGED = ("test_intervals", "baselines", "importance")
"""What a summary has of a judgement."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What rows held out say of a network; without such rows, or answers that are not finite, nothing."""

    answers: Answers | None
    baselines: tuple[Baseline, ...]
    importances: tuple[Importance, ...]
    facts: Mapping[str, Any]
    """For the summary of the run: `test_intervals`, and with baselines `baselines` and `importance`."""


def judge(data: RunData, model: Model, seed: int, *, baselines: bool) -> Judgement:
    """Judge the model of a run on the rows held out; with `baselines` these are trained, and columns weighed.

    Forecasts are always held against persistence.
    """
    held_out = data.test_inputs()
    answers = None if held_out is None else answers_of(model, data.test_outputs(model.plan, held_out), data.test_target)
    if answers is None:
        return Judgement(None, (), (), {})
    facts: dict[str, Any] = {"test_intervals": _intervals(answers, seed)}
    found = persistence(data, answers.truth)
    if not baselines:
        facts |= {"baselines": [_facts_of(each, answers, seed) for each in found]} if found else {}
        return Judgement(answers, tuple(found), (), facts)
    trained = (*found, *train_baselines(data, answers.truth, seed))
    score = _score_of(answers)
    importances = permutation_importance(model, _rows(data, model, answers.truth, score), seed)
    facts["baselines"] = [_facts_of(each, answers, seed) for each in trained]
    facts["importance"] = {"score": score, "columns": [_finite(asdict(each)) for each in importances]}
    return Judgement(answers, trained, importances, facts)


def _score_of(answers: Answers) -> str:
    """Return the score by which columns are weighed: the headline, or a loss where there is none, as with a single class."""
    headline = HEADLINES[answers.task]
    return headline if np.isfinite(score_all(answers)[headline]) else _LOSSES[answers.task == "regression"]


def _facts_of(baseline: Baseline, answers: Answers, seed: int) -> dict[str, Any]:
    scores = {name: finite_or_none(value) for name, value in score_all(baseline.answers).items()}
    less = {name: _finite(asdict(gap)) for name, gap in compare_answers(answers, baseline.answers, seed).items()}
    return {
        "name": baseline.name,
        "size": baseline.size,
        "test": scores,
        "test_intervals": _intervals(baseline.answers, seed),
        "network_less_it": less,
    }


def _intervals(answers: Answers, seed: int) -> dict[str, list[float | None]]:
    return {name: [finite_or_none(end) for end in ends] for name, ends in score_intervals(answers, seed).items()}


def _finite(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: finite_or_none(value) if isinstance(value, float) else value for name, value in facts.items()}


def _rows(data: RunData, model: Model, truth: np.ndarray, score: str) -> Rows:
    """Return the rows held out as a question to a network with other inputs."""
    lengths, forecasts = None if data.test_rows is None else data.test_rows.lengths, data.forecasts

    def asked(chosen: np.ndarray) -> np.ndarray:
        return chosen if forecasts is None else np.flatnonzero(np.isin(forecasts.sequence, chosen))

    def answer(inputs: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        outputs = evaluate(model.plan, inputs)
        if forecasts is not None:
            rows = asked(chosen)
            places = np.searchsorted(chosen, forecasts.sequence[rows]), forecasts.step[rows]
            return data.forecast_outputs(outputs[places], rows)
        return (
            outputs if lengths is None or model.sequence is None else answered(outputs, lengths[chosen], model.sequence.answer)
        )

    def scored(outputs: np.ndarray, chosen: np.ndarray) -> float:
        if not np.isfinite(outputs).all():
            return float("nan")
        found = score_all(Answers(model.task, values_of(model, outputs), truth[asked(chosen)]))[score]
        return -found if score in _LOSSES else found

    return Rows(cast(np.ndarray, data.test_inputs()), answer, scored)

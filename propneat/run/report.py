"""The report of a run: what its folder and its table say, as one HTML page in the folder."""

import csv
import math
from collections.abc import Mapping, Sequence
from typing import Any

from propneat.base.errors import CheckpointError, PropneatError
from propneat.base.records import write_atomic
from propneat.export.plain_text import to_lines
from propneat.formula import round_formula
from propneat.model import Model, load_model
from propneat.model.importance import Dependence, partial_dependence
from propneat.report.run_page import RunContent, render_run_page
from propneat.run.data import RunData
from propneat.run.descent import read_descent
from propneat.run.folder import RunFolder
from propneat.run.front import front_rows, read_front
from propneat.run.judging import Judgement, judge
from propneat.settings.file import Settings, resolve_settings, to_layer
from propneat.settings.notes import NOTES, SECTIONS

__all__ = ["renew_report", "write_report"]

_DIGITS, _MOST_LINES = 4, 60
_MOST_CHARTS = 6
_CLOSE = 1e-6


def write_report(
    folder: RunFolder, settings: Settings, data: RunData, model: Model, judgement: Judgement, summary: Mapping[str, Any]
) -> None:
    """Write `report.html` into the folder of a run, of its model, its judgement and the files that are there."""
    held_out = data.test_inputs()
    species, ancestors = read_descent(folder)
    content = RunContent(
        summary=summary,
        model=model,
        inputs=held_out if data.test_rows is None else None,
        answers=judgement.answers,
        others={each.name: each.answers for each in judgement.baselines},
        importances=judgement.importances,
        dependences=_dependences(data, model, judgement, settings.evolve.seed),
        formula=_formula(model),
        front=front_rows(read_front(folder)),
        history=_read_history(folder),
        species=species,
        ancestors=ancestors,
        settings=_settings_rows(settings),
    )
    write_atomic(folder.report, render_run_page(content))


def renew_report(folder: RunFolder, settings: Settings, data: RunData) -> dict[str, Any]:
    """Judge the champion of a finished run anew, write its report and its summary, and return the summary.

    `settings` and `data` are those of the run. Raises CheckpointError where the run has no results, or the table is not the one
    that it learnt from.
    """
    summary = folder.read_summary()
    if summary is None:
        raise CheckpointError(f"{folder.path} has no results yet: go on with propneat evolve --resume {folder.path}")
    model = load_model(folder.champion)
    judgement = judge(data, model, settings.evolve.seed, baselines=True)
    _check_same_table(folder, data, model, summary)
    summary = {**summary, **judgement.facts, "report": str(folder.report)}
    write_report(folder, settings, data, model, judgement, summary)
    folder.write_summary(summary)
    return summary


def _check_same_table(folder: RunFolder, data: RunData, model: Model, summary: Mapping[str, Any]) -> None:
    from propneat.model.scores import score_answers

    held_out = data.test_inputs()
    scores = {} if held_out is None else score_answers(model, data.test_outputs(model.plan, held_out), data.test_target)
    before = summary["test"]
    is_same = scores.keys() == before.keys() and all(
        not math.isfinite(value) if before[name] is None else math.isclose(value, before[name], rel_tol=_CLOSE, abs_tol=_CLOSE)
        for name, value in scores.items()
    )
    if not is_same or data.n_test != summary["test_rows"] or data.n_rows != summary["rows"]:
        raise CheckpointError(
            f"the champion of {folder.path} has other test scores on {data.source} than its summary says: the table has "
            "changed since, so put back the one of the run, or run propneat evolve again"
        )


def _dependences(data: RunData, model: Model, judgement: Judgement, seed: int) -> list[Dependence]:
    """Return the partial dependence of the columns that are worth most, of a model of single rows."""
    if model.sequence is not None or data.test_features is None or judgement.answers is None:
        return []
    columns = [one.column for one in judgement.importances] or list(model.used_features)
    found = (partial_dependence(model, data.test_features, column, seed) for column in columns[:_MOST_CHARTS])
    return [each for each in found if each is not None]


def _formula(model: Model) -> Sequence[str]:
    """Return the formula of a model as lines; nothing of one that has none, or one of very many lines."""
    try:
        lines = to_lines(round_formula(model.formula, _DIGITS))
    except PropneatError:
        return []
    return lines if len(lines) <= _MOST_LINES else []


def _read_history(folder: RunFolder) -> list[dict[str, float]]:
    try:
        with folder.history.open(newline="", encoding="utf-8") as file:
            return [{name: _number(text) for name, text in row.items()} for row in csv.DictReader(file)]
    except OSError:
        return []


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _settings_rows(settings: Settings) -> list[tuple[str, list[tuple[str, str, str, bool]]]]:
    values = to_layer(settings)
    usual = to_layer(resolve_settings([{"method": settings.evolve.method}], sequences=settings.data.of_sequences))
    groups = []
    for section, about in SECTIONS.items():
        own, default = (values, usual) if not section else (values[section], usual[section])
        rows = [(key, _text(own[key]), note, own[key] != default[key]) for key, note in NOTES[section].items()]
        groups.append((about, rows))
    return groups


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value)) or "none"
    if value is None:
        return "none"
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)

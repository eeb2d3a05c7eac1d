"""Tables of data sets: scores, tests within each; and of what failed, where it ran and what was asked for."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from propneat.report.benchmark.analysis import ALPHA, Analysis
from propneat.report.benchmark.cells import FailureGroup
from propneat.report.benchmark.elements import Cell, Column, Table, p_value, plural, score, signed

__all__ = ["configuration_table", "failures_table", "fold_tests_table", "provenance_table", "scores_table"]

_MOST_FAILURES, _MOST_NAMES, _VALUE_CHARACTERS = 100, 6, 400


def scores_table(analysis: Analysis) -> Table:
    """Return the score of every method on every data set, the best of each in bold, and the means."""
    cells, pool = analysis.cells, analysis.imputed
    metric = cells.metric
    order = [summary.method for summary in analysis.summary]
    rows = []
    for place, row in enumerate(pool.datasets):
        dataset, scores = cells.datasets[row], np.round(pool.scores[place], 12)
        best = metric.sign * (metric.sign * scores[~pool.imputed[place]]).max()
        first = [
            Cell(dataset.name, title=f"{dataset.name}, family {dataset.family}"),
            _whole(dataset.n_rows),
            _whole(dataset.n_features),
        ]
        rows.append((*first, _whole(dataset.n_classes), *(_score_cell(analysis, row, k, scores, best) for k in order)))
    means = {summary.method: summary.mean_score for summary in analysis.summary}
    n = len(pool.scores)
    total = (Cell(f"Mean (n={n})"), *[Cell("")] * 3, *(Cell(score(means[method]), means[method]) for method in order))
    labels = ("Data set", "Rows", "Features", "Classes")
    return Table(
        metric.name.replace("_", "-"),
        f"{metric.label} by data set, {cells.statistic} over usable folds, {plural(n, 'data set')}",
        (*(Column(label, k > 0) for k, label in enumerate(labels)), *(Column(cells.methods[method]) for method in order)),
        tuple(rows),
        (total,) if n else (),
        f"Bold: best of the data set, ties shared. †: some planned folds are not usable, {cells.statistic} of the others. *: "
        f"no usable fold, imputed by {metric.constant_text}. Methods in order of mean rank.",
        is_compact=True,
    )


def _whole(value: int | None) -> Cell:
    return Cell("–") if value is None else Cell(f"{value:,}", value)


def _score_cell(analysis: Analysis, row: int, method: int, scores: np.ndarray, best: float) -> Cell:
    cells, value = analysis.cells, float(scores[method])
    usable, planned = int(cells.usable[row, method]), int(cells.planned[row, method])
    title = "" if cells.published[method] else f"{usable} of {planned} folds usable"
    if not usable:
        return Cell(f"{score(value)}*", value, ("imputed",), title)
    marks = ("best",) if value == best and len(scores) > 1 else ()
    if usable < planned:
        return Cell(f"{score(value)}†", value, (*marks, "partial"), title)
    return Cell(score(value), value, marks)


def fold_tests_table(analysis: Analysis) -> Table | None:
    """Return mean differences of reference and others within each data set; None where no two folds can be compared."""
    cells, tests = analysis.cells, analysis.fold_tests
    order = [summary.method for summary in analysis.summary if summary.method != cells.reference]
    order = [method for method in order if not cells.published[method]]
    tested = np.isfinite(tests.p_value)
    rows = [
        (Cell(cells.datasets[row].name), *(_test_cell(analysis, row, method) for method in order))
        for row in np.flatnonzero(tested.any(axis=1)).tolist()
    ]
    if not rows:
        return None
    reference = cells.methods[cells.reference]
    totals = [Cell("▲ / ▼ (n tested)")]
    for method in order:
        better, worse = (
            int(((tests.adjusted[:, method] < ALPHA) & (sign * tests.difference[:, method] > 0)).sum()) for sign in (1, -1)
        )
        totals.append(Cell(f"{better} / {worse} ({int(tested[:, method].sum())})", better - worse))
    return Table(
        "fold-tests",
        f"{reference} against each other method within each data set, mean difference of {cells.metric.label} over folds",
        (Column("Data set", False), *(Column(cells.methods[method]) for method in order)),
        tuple(rows),
        (tuple(totals),),
        f"▲ {reference} better, ▼ worse: p < {ALPHA} after Holm over the data sets of a column, counted in the last row; "
        f"△ ▽: p < {ALPHA} "
        "before. No mark: no difference shown. Nadeau-Bengio corrected resampled t-test.",
        is_compact=True,
    )


def _test_cell(analysis: Analysis, row: int, method: int) -> Cell:
    tests = analysis.fold_tests
    difference, p, adjusted = (float(values[row, method]) for values in (tests.difference, tests.p_value, tests.adjusted))
    if not math.isfinite(p):
        return Cell("–")
    sign, marks = "", ()
    if p < ALPHA:
        is_sure = adjusted < ALPHA
        sign = (" ▲" if is_sure else " △") if difference > 0 else (" ▼" if is_sure else " ▽")
        marks = ("good" if difference > 0 else "bad",) if is_sure else ()
    title = f"{plural(int(tests.n_folds[row, method]), 'fold')}, p = {p_value(p)}, {p_value(adjusted)} after Holm"
    return Cell(signed(difference) + sign, difference, marks, title)


def failures_table(failures: Sequence[FailureGroup]) -> Table:
    """Return the groups of failed and skipped tasks, most frequent first."""
    rows = []
    for group in failures[:_MOST_FAILURES]:
        count = Cell(f"{group.n_tasks:,}", group.n_tasks)
        rows.append(
            (
                Cell(_listed(group.methods), None, ("full",)),
                Cell(group.status),
                count,
                Cell(group.reason, None, ("full",)),
                Cell(_listed(group.datasets), None, ("full",)),
            )
        )
    left = len(failures) - len(rows)
    note = f"{plural(left, 'rarer group')} left out here; report.json has all." if left else ""
    labels = ("Methods", "Status", "Tasks", "Reason", "Data sets")
    total = sum(group.n_tasks for group in failures)
    return Table(
        "failures",
        f"{plural(total, 'task')} without a result, by method and reason",
        tuple(Column(label, label == "Tasks") for label in labels),
        tuple(rows),
        note=note,
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def provenance_table(provenance: Sequence[Mapping[str, Any]]) -> Table:
    """Return every fact once per value that it took among the environments."""
    flat = [_flatten(facts) for facts in provenance]
    rows = []
    for key in dict.fromkeys(key for facts in flat for key in facts):
        values = [facts.get(key, "–") for facts in flat]
        counts = {value: values.count(value) for value in dict.fromkeys(values)}
        text = (
            next(iter(counts))
            if len(counts) == 1
            else "; ".join(f"{value} ({n} of {len(flat)})" for value, n in counts.items())
        )
        rows.append((Cell(key), Cell(text, None, ("full",))))
    caption = f"{plural(len(flat), 'environment')} in which results were computed"
    return Table("provenance", caption, (Column("Fact", False), Column("Value", False)), tuple(rows))


def configuration_table(configuration: Mapping[str, Any]) -> Table:
    """Return the configuration, one row per value."""
    rows = tuple((Cell(key), Cell(value, None, ("full",))) for key, value in _flatten(configuration).items())
    return Table("configuration", "What was asked for", (Column("Setting", False), Column("Value", False)), rows)


def _flatten(facts: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested facts as "outer.inner" and text, values in JSON unless they are text."""
    flat: dict[str, str] = {}
    for key, value in facts.items():
        if isinstance(value, Mapping) and value:
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
            flat[f"{prefix}{key}"] = text if len(text) <= _VALUE_CHARACTERS else text[:_VALUE_CHARACTERS] + "…"
    return flat

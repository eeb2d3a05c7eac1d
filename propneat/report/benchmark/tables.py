"""Tables of methods: what was done, how well, and how they compare."""

import math

import numpy as np

from propneat.report.benchmark.analysis import ALPHA, Analysis, MethodSummary, Pool
from propneat.report.benchmark.cells import Cells, Dataset
from propneat.report.benchmark.elements import (
    Cell,
    Column,
    Table,
    count,
    number_cell,
    p_value,
    plural,
    score,
    seconds,
    signed,
)
from propneat.report.benchmark.metric import CLASSES, NUMBERS, Metric
from propneat.report.benchmark.results import FAILED

__all__ = ["coverage_table", "nemenyi_table", "pairs_table", "primary_table", "robustness_table", "summary_table"]


def coverage_table(cells: Cells) -> Table:
    """Return data sets x methods: usable folds of planned, with what is missing, and totals."""
    order = np.flatnonzero(~cells.published).tolist()
    rows = [
        (Cell(dataset.name, title=_describe(dataset)), *(_coverage_cell(cells, row, method) for method in order))
        for row, dataset in enumerate(cells.datasets)
    ]
    totals = [_total_cell(cells, method) for method in order]
    return Table(
        "coverage",
        f"Usable folds of those planned, {plural(len(cells.datasets), 'data set')} × {plural(len(order), 'method')}",
        (Column("Data set", False), *(Column(cells.methods[method]) for method in order)),
        tuple(rows),
        ((Cell("All data sets"), *totals),),
        "5/5: all usable. F failed (error, timeout, memory, crashed), S skipped (for instance one class in a fold), M "
        "planned but "
        f"without a stored result, U done but with {cells.metric.label} undefined. Shaded: some missing; strongly "
        "shaded: none usable, imputed.",
        is_compact=True,
    )


def _describe(dataset: Dataset) -> str:
    known = {"rows": dataset.n_rows, "features": dataset.n_features, "classes": dataset.n_classes}
    facts = [f"{value:,} {name}" for name, value in known.items() if value is not None]
    return f"{dataset.name}: {dataset.task}, family {dataset.family}" + "".join(f", {fact}" for fact in facts)


def _coverage_cell(cells: Cells, row: int, method: int) -> Cell:
    planned, usable = int(cells.planned[row, method]), int(cells.usable[row, method])
    if planned == 0:
        return Cell("not planned", -1.0, ("imputed",))
    counts = {status: int(numbers[row, method]) for status, numbers in cells.counts.items()}
    parts = {
        "F": sum(counts[status] for status in FAILED),
        "S": counts["skipped"],
        "M": counts["missing"],
        "U": counts["ok"] - usable,
    }
    text = f"{usable}/{planned}" + "".join(f" {number}{letter}" for letter, number in parts.items() if number)
    title = ", ".join(f"{number} {status}" for status, number in counts.items() if number)
    if usable == planned:
        return Cell(text, 1.0)
    marks = ("partial",) if usable else ("imputed",)
    return Cell(text, usable / planned, marks, title)


def _total_cell(cells: Cells, method: int) -> Cell:
    planned, usable = int(cells.planned[:, method].sum()), int(cells.usable[:, method].sum())
    return Cell(f"{usable:,}/{planned:,}", usable / planned if planned else 0.0)


def summary_table(analysis: Analysis) -> Table:
    """Return one row per method, best mean rank first."""
    metric, n_datasets = analysis.cells.metric, len(analysis.imputed.scores)
    imputed = f"Data sets without any usable result, which count as {metric.constant_text}"
    columns = (
        Column("Method", False),
        Column("n", title="Data sets with a usable result"),
        Column("Imputed", title=imputed),
        Column(
            f"Mean {metric.label}", title="Over all data sets, imputed ones included; 95 % bootstrap interval over families"
        ),
        Column(f"Median {metric.label}"),
        Column("Mean rank", title="1 is best; 95 % bootstrap interval over families of data sets"),
        Column(f"Mean {metric.label} of n", title="Over the n data sets with a usable result alone"),
        *(Column(label, title=title) for _, label, title, _ in _OTHERS[metric.kind]),
        Column("Parameters", title="Median over the n data sets"),
        *(
            [Column("Size", title="Median over the n data sets: nodes of the formula, else parameters")]
            if _has_size(metric)
            else []
        ),
        Column("Depth", title="Median over the n data sets"),
        Column("Fit", title=f"Median over the n data sets of the {analysis.cells.statistic} time to fit one fold"),
        Column("Predict", title=f"Median over the n data sets of the {analysis.cells.statistic} time to predict one fold"),
    )
    return Table(
        "summary",
        f"Methods over {plural(n_datasets, 'data set')} with results, best mean rank first",
        columns,
        tuple(_summary_row(analysis, row) for row in analysis.summary),
        note=f"Mean {metric.label}, median {metric.label} and mean rank are over all {plural(n_datasets, 'data set')}; the "
        "other columns are over the n data sets that the method has a usable result of, so they compare only methods of "
        "equal n. Bold: best of a column, there among the methods of the largest n.",
    )


_OTHERS = {
    CLASSES: (
        ("balanced_accuracy", "Balanced acc.", "Mean over the n data sets", 1),
        ("log_loss", "Log loss", "Mean over the n data sets; lower is better", -1),
        ("brier", "Brier", "Mean over the n data sets; lower is better", -1),
        ("ece", "Cal. error", "Expected calibration error, mean over the n data sets; lower is better", -1),
    ),
    NUMBERS: (("floored_r2", "Mean R², 0 at least", "Mean over the n data sets, an R² below 0 counted as 0", 1),),
}
"""Further scores in the summary by kind of task: attribute, heading, title, and which way is better."""


def _has_size(metric: Metric) -> bool:
    return metric.kind == NUMBERS


def _summary_row(analysis: Analysis, row: MethodSummary) -> tuple[Cell, ...]:
    pool, everything, cells = analysis.imputed, analysis.summary, analysis.cells
    most = max(other.n_measured for other in everything)
    name, metric = cells.methods[row.method], cells.metric

    def best(attribute: str, sign: int, measured: bool = True) -> tuple[str, ...]:
        """Mark the best value, which of measured columns is the best among the methods of the most data sets."""
        values = [
            sign * getattr(other, attribute) if other.n_measured == most or not measured else math.nan for other in everything
        ]
        known, own = [value for value in values if math.isfinite(value)], values[everything.index(row)]
        return ("best",) if known and own == max(known) > min(known) else ()

    boot, k = pool.bootstrap, row.method
    score_range = f"[{score(boot.score_low[k])}, {score(boot.score_high[k])}]" if boot is not None else ""
    rank_range = f"[{boot.rank_low[k]:.2f}, {boot.rank_high[k]:.2f}]" if boot is not None else ""
    rank = f"{row.mean_rank:.2f}" if math.isfinite(row.mean_rank) else "–"
    size = [number_cell(row.size, count(row.size), *best("size", -1))] if _has_size(metric) else []
    return (
        Cell(name, None, ("reference",) if row.method == cells.reference else ("soft",) if cells.published[row.method] else ()),
        Cell(str(row.n_measured), row.n_measured),
        Cell(str(row.n_imputed), row.n_imputed, ("imputed",) if row.n_imputed else ("soft",)),
        number_cell(row.mean_score, score(row.mean_score), *best("mean_score", metric.sign, False), detail=score_range),
        number_cell(row.median_score, score(row.median_score), *best("median_score", metric.sign, False)),
        number_cell(row.mean_rank, rank, *best("mean_rank", -1, False), detail=rank_range),
        number_cell(row.measured_score, score(row.measured_score)),
        *(
            number_cell(getattr(row, other), score(getattr(row, other)), *best(other, sign))
            for other, _, _, sign in _OTHERS[metric.kind]
        ),
        number_cell(row.n_parameters, count(row.n_parameters), *best("n_parameters", -1)),
        *size,
        number_cell(row.depth, count(row.depth)),
        number_cell(row.fit_seconds, seconds(row.fit_seconds), *best("fit_seconds", -1)),
        number_cell(row.predict_seconds, seconds(row.predict_seconds), *best("predict_seconds", -1)),
    )


def primary_table(analysis: Analysis) -> Table:
    """Return the primary family: the reference against each other method, those of the best mean rank first."""
    pool, names, metric = analysis.imputed, analysis.cells.methods, analysis.cells.metric
    reference = names[analysis.cells.reference]
    columns = (
        Column("Against", False),
        Column("n", title="Data sets"),
        Column("Wins", title=f"Data sets on which {reference} is better"),
        Column("Ties"),
        Column("Losses"),
        Column("Median difference", title=f"Hodges-Lehmann estimate of {_minus(metric)}, in {metric.label}"),
        Column("95 % interval"),
        Column("p"),
        Column("p, Holm", title="Adjusted over this table"),
        Column("P(better)", title=f"Posterior probability that {reference} is better by more than {metric.rope:g}"),
        Column("P(equivalent)", title=f"Posterior probability that they differ by at most {metric.rope:g}"),
        Column("P(worse)"),
    )
    rows = []
    for k in sorted(range(len(pool.primary)), key=lambda k: (pool.ranks[pool.primary[k].other], k)):
        comparison, bayes = pool.primary[k], pool.bayes[k]
        lean = () if comparison.adjusted >= ALPHA else ("good",) if comparison.median_difference > 0 else ("bad",)
        rows.append(
            (
                Cell(names[pool.methods[comparison.other]]),
                Cell(str(len(pool.scores)), len(pool.scores)),
                *(Cell(str(number), number) for number in (comparison.wins, comparison.ties, comparison.losses)),
                number_cell(comparison.median_difference, signed(comparison.median_difference), *lean),
                number_cell(comparison.high - comparison.low, f"[{signed(comparison.low)}, {signed(comparison.high)}]"),
                number_cell(comparison.p_value, p_value(comparison.p_value)),
                number_cell(comparison.adjusted, p_value(comparison.adjusted), *(("best",) if lean else ())),
                number_cell(bayes.p_better, p_value(bayes.p_better)),
                number_cell(bayes.p_equivalent, p_value(bayes.p_equivalent)),
                number_cell(bayes.p_worse, p_value(bayes.p_worse)),
            )
        )
    caption = f"{reference} against every other method over {plural(len(pool.scores), 'data set')}"
    note = f"Bold: p < {ALPHA} after Holm. Differences are in {metric.label}; positive means that {reference} is better."
    return Table("primary", caption, columns, tuple(rows), note=note)


def _minus(metric: Metric) -> str:
    return "other minus reference" if metric.is_lower_better else "reference minus other"


def pairs_table(analysis: Analysis) -> Table:
    """Return adjusted p-values of every pair, in order of mean rank."""
    pool = analysis.imputed
    order = sorted(range(len(pool.methods)), key=lambda k: (pool.ranks[k], k))
    caption = f"p-values of every pair, Wilcoxon with Holm over {plural(len(order) * (len(order) - 1) // 2, 'pair')}"
    return _matrix("pairs", caption, analysis, order, pool.pairs.adjusted)


def nemenyi_table(analysis: Analysis) -> Table:
    """Return p-values of every pair by Nemenyi's test, in order of mean rank."""
    pool = analysis.imputed
    order = sorted(range(len(pool.methods)), key=lambda k: (pool.ranks[k], k))
    return _matrix("nemenyi", "p-values of every pair by Nemenyi's test of mean ranks", analysis, order, pool.nemenyi.p_values)


def _matrix(name: str, caption: str, analysis: Analysis, order: list[int], p_values: np.ndarray) -> Table:
    names = [analysis.cells.methods[analysis.imputed.methods[k]] for k in order]
    rows = [
        (Cell(names[place]), *(_p_cell(float(p_values[k, other])) if k != other else Cell("", None) for other in order))
        for place, k in enumerate(order)
    ]
    note = f"Bold: p < {ALPHA}."
    return Table(
        name, caption, (Column("", False), *(Column(label) for label in names)), tuple(rows), note=note, is_compact=True
    )


def _p_cell(value: float) -> Cell:
    return Cell(p_value(value), value, ("best",) if value < ALPHA else ("soft",))


def robustness_table(analysis: Analysis) -> Table:
    """Return mean score, mean rank and the primary comparison under all three choices of data sets, one row per method."""
    pools = (analysis.imputed, analysis.complete, analysis.one_per_family)
    labels = ("imputed", "complete cases", "one per family")
    columns = [Column("Method", False)]
    for pool, label in zip(pools, labels, strict=True):
        n = len(pool.scores)
        columns += [
            Column(f"{analysis.cells.metric.label}, {label} (n={n})"),
            Column("rank"),
            Column("difference"),
            Column("p, Holm"),
        ]
    rows = []
    for summary in analysis.summary:
        cells = [Cell(analysis.cells.methods[summary.method])]
        for pool in pools:
            cells += _pool_cells(pool, summary.method)
        rows.append(tuple(cells))
    reference = analysis.cells.methods[analysis.cells.reference]
    metric = analysis.cells.metric
    note = (
        f"difference: by how much {reference} is better than the row's method (median by Hodges-Lehmann, {metric.label}); "
        "p: Wilcoxon, Holm over its column."
    )
    return Table("robustness", "Do the conclusions depend on which data sets count?", tuple(columns), tuple(rows), note=note)


def _pool_cells(pool: Pool, method: int) -> list[Cell]:
    if method not in pool.methods or pool.ranks is None:
        return [Cell("–")] * 4
    k = pool.methods.index(method)
    mean, rank = float(pool.scores[:, k].mean()), float(pool.ranks[k])
    made = [number_cell(mean, score(mean)), number_cell(rank, f"{rank:.2f}")]
    comparison = next((each for each in pool.primary if each.other == k), None)
    if comparison is None:
        return [*made, Cell("–"), Cell("–")]
    lean = ("best",) if comparison.adjusted < ALPHA else ()
    return [
        *made,
        number_cell(comparison.median_difference, signed(comparison.median_difference)),
        number_cell(comparison.adjusted, p_value(comparison.adjusted), *lean),
    ]

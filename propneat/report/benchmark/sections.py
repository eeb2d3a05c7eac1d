"""The sections of a report in order: what each says, how to read it, and its tables and pictures."""

import math

import numpy as np

from propneat.report.benchmark.analysis import ALPHA, Analysis
from propneat.report.benchmark.dataset_tables import (
    configuration_table,
    failures_table,
    fold_tests_table,
    provenance_table,
    scores_table,
)
from propneat.report.benchmark.elements import Section, p_value, plural
from propneat.report.benchmark.metric import CLASSES, NUMBERS, Metric
from propneat.report.benchmark.results import Results
from propneat.report.benchmark.tables import (
    coverage_table,
    nemenyi_table,
    pairs_table,
    primary_table,
    robustness_table,
    summary_table,
)
from propneat.report.drawing import Drawing

__all__ = ["compose", "compose_setting"]


def compose(results: Results, analysis: Analysis, drawings: dict[str, Drawing]) -> tuple[Section, ...]:
    """Return the sections on one kind of task; `drawings` by name, those that cannot be drawn are absent."""
    return (
        _summary(analysis),
        _primary(analysis, drawings),
        _omnibus(analysis),
        _pairs(analysis, drawings),
        _ranks(analysis, drawings),
        _robustness(analysis),
        _cost(analysis, drawings),
        _datasets(analysis, drawings),
        _fold_tests(results, analysis),
        _coverage(analysis),
        _missing(analysis),
        _failures(analysis),
    )


def compose_setting(results: Results) -> tuple[Section, ...]:
    """Return the sections on where results were computed and what was asked for."""
    return _provenance(results), _configuration(results)


def _coverage(analysis: Analysis) -> Section:
    cells = analysis.cells
    planned, usable, missing = int(cells.planned.sum()), cells.n_usable_tasks, int(cells.counts["missing"].sum())
    if usable == planned and not cells.published.any():
        return Section("coverage", "Coverage", (f"All {plural(planned, 'planned task')} have a usable result.",))
    paragraphs = [
        f"{usable:,} of {plural(planned, 'planned task')} have a usable result; {int(cells.failed.sum()):,} failed, "
        f"{int(cells.counts['skipped'].sum()):,} were skipped, {missing:,} have no stored result."
    ]
    if missing:
        paragraphs.append(
            f"This run is not finished: {plural(missing, 'task')} still to do, and every number here is preliminary."
        )
    if cells.published.any():
        others = [cells.methods[method] for method in np.flatnonzero(cells.published)]
        paragraphs.append(
            f"{plural(len(others), 'method')} marked as published were not run here: one value for each data set, by their "
            f"authors' protocol, is ranked beside those measured, and never in tests over folds ({_listed(others)})."
        )
    reading = (
        "A task is one method on one fold of one data set. A result is usable when the method finished and its "
        f"{cells.metric.label} is defined; a fold whose test rows all have the same target has none.",
    )
    return Section("coverage", "Coverage", tuple(paragraphs), reading, (coverage_table(cells),))


def _missing(analysis: Analysis) -> Section:
    cells, pool, complete = analysis.cells, analysis.imputed, analysis.complete
    n_dropped = len(cells.datasets) - len(pool.scores)
    n_partial = int(cells.is_partial[cells.is_measured].sum())
    paragraphs = [
        f"Folds and repeats are joined by their {cells.statistic} per data set and method first; every statistic over data "
        "sets sees one number per data set and method, never folds.",
        f"Of {plural(pool.scores.size, 'cell')} (data set × method), {n_partial:,} with some but not all planned folds "
        f"count as the {cells.statistic} of the folds that are there, marked †.",
        f"Of the same cells, {int(pool.imputed.sum()):,} without any usable fold are imputed: they count as "
        f"{cells.metric.constant_text}, marked *, and rank below all that was measured on the data set, so that no method "
        "gains by failing. The complete-cases analysis beside it leaves such data sets out.",
    ]
    if n_dropped:
        names = [dataset.name for dataset, known in zip(cells.datasets, cells.is_measured, strict=True) if not known]
        paragraphs.append(f"No method has a usable result on {_listed(names)}: left out of every comparison.")
    silent = [cells.methods[k] for k in range(len(cells.methods)) if k not in complete.methods]
    if silent:
        paragraphs.append(f"Without any usable result, and so not among the complete cases: {_listed(silent)}.")
    paragraphs.append(_same_or_not(analysis))
    return Section("missing", "How missing results are handled", tuple(text for text in paragraphs if text))


def _same_or_not(analysis: Analysis) -> str:
    n = len(analysis.complete.scores)
    if not len(analysis.imputed.scores):
        return ""
    if not analysis.imputed.imputed.any():
        return "No cell is imputed, so the imputed and the complete-cases analysis are the same."
    return f"Complete cases: {plural(n, 'data set')} of {len(analysis.imputed.scores)}."


def _listed(names: list[str], most: int = 12) -> str:
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


_COLUMNS_ABOUT = {
    CLASSES: "Log loss and Brier score judge probabilities, lower is better.",
    NUMBERS: "Size is the number of operators, constants and variables of the model written as a formula, as SRBench counts, "
    "and of models that have none the number of parameters, or nodes of trees.",
}


def _summary(analysis: Analysis) -> Section:
    pool, cells = analysis.imputed, analysis.cells
    if not len(pool.scores):
        return Section("summary", "Summary of methods", (pool.notes["all"],))
    first = analysis.summary[0]
    paragraphs = [
        f"Over {plural(len(pool.scores), 'data set')}, {cells.methods[first.method]} has the best mean rank, "
        f"{first.mean_rank:.2f} among {plural(len(cells.methods), 'method')}."
    ]
    if len(cells.methods) == 1:
        paragraphs = [pool.notes["all"]]
    if "bootstrap" in pool.notes:
        paragraphs.append(pool.notes["bootstrap"])
    if missing := int(cells.counts["missing"].sum()):
        paragraphs.append(f"This run is not finished: {plural(missing, 'task')} still to do, and every number is preliminary.")
    reading = (
        *(cells.metric.about or (f"{cells.metric.label}: {'lower' if cells.metric.is_lower_better else 'higher'} is better.",)),
        "Mean rank: on each data set the best method has rank 1, ties share ranks. Intervals in brackets hold 95 % of "
        "the means of "
        "2,000 bootstrap samples of families: data sets of one family are versions of one problem and are drawn together.",
        _COLUMNS_ABOUT[cells.metric.kind] + " Fit and predict are wall-clock times of one fold.",
    )
    return Section("summary", "Summary of methods", tuple(paragraphs), reading, (summary_table(analysis),))


def _omnibus(analysis: Analysis) -> Section:
    pool, heading = analysis.imputed, "Do the methods differ at all?"
    if pool.friedman is None:
        return Section("friedman", heading, (pool.notes["all"],))
    test = pool.friedman
    f_text = f"{test.f_statistic:.2f}" if math.isfinite(test.f_statistic) else "infinite"
    p_text, chi_text = (p_value(value) for value in (test.f_p_value, test.p_value))
    freedom = test.n_methods - 1
    verdict = "the methods differ" if test.f_p_value < ALPHA else "no difference between methods is shown"
    paragraphs = (
        f"Iman-Davenport F = {f_text} with {freedom} and {freedom * (test.n_datasets - 1)} degrees of freedom, p "
        f"{_equals(p_text)}: "
        f"{verdict} at p < {ALPHA}. (Friedman χ² = {test.chi_square:.2f}, {freedom} degrees of freedom, p {_equals(chi_text)}; "
        f"{plural(test.n_datasets, 'data set')}, {plural(test.n_methods, 'method')}.)",
    )
    reading = (
        "The test asks whether mean ranks lie further apart than chance alone would put them. It does not say which "
        "methods differ.",
    )
    return Section("friedman", heading, paragraphs, reading)


def _equals(text: str) -> str:
    return text.replace("<", "< ") if text.startswith("<") else f"= {text}"


def _primary(analysis: Analysis, drawings: dict[str, Drawing]) -> Section:
    pool, name, metric = analysis.imputed, analysis.cells.methods[analysis.cells.reference], analysis.cells.metric
    heading = f"{name} against every other method"
    if not pool.primary:
        return Section("primary", heading, (pool.notes.get("primary") or pool.notes["all"],))
    better, worse = (sum(c.adjusted < ALPHA and sign * c.median_difference > 0 for c in pool.primary) for sign in (1, -1))
    imputed = int(pool.imputed[:, pool.reference].sum())
    alike = sum(result.p_equivalent > 0.95 for result in pool.bayes)
    paragraphs = [
        f"Of {plural(len(pool.primary), 'other method')}, {name} is significantly better than {better} and worse than {worse} "
        f"(p < {ALPHA} after Holm); it is practically equivalent to {alike} (posterior probability above 0.95).",
        *([pool.notes["power"]] if "power" in pool.notes else []),
        *([f"{name} itself is imputed on {imputed} of {plural(len(pool.scores), 'data set')}."] if imputed else []),
    ]
    reading = (
        "This family of comparisons was fixed before any result was seen. p: Wilcoxon's signed-rank test over data sets (zeros "
        "split), adjusted by Holm so that the chance of any false alarm in the table stays below 5 %.",
        "Median difference: the Hodges-Lehmann estimate with its distribution-free 95 % interval, which is not "
        "adjusted. With fewer "
        "than six data sets it has no ends.",
        f"The Bayesian signed-rank test gives probabilities that {name} is better, worse, or as good to within {metric.rope:g} "
        f"in {metric.label} (the region of practical equivalence). A large p-value never shows that methods are alike; a large "
        "P(equivalent) does.",
    )
    return Section("primary", heading, tuple(paragraphs), reading, _present(drawings.get("effects"), primary_table(analysis)))


def _present(*blocks: object) -> tuple:
    return tuple(block for block in blocks if block is not None)


def _pairs(analysis: Analysis, drawings: dict[str, Drawing]) -> Section:
    pool = analysis.imputed
    if pool.pairs is None:
        return Section("pairs", "All pairs", (pool.notes["all"],))
    n = len(pool.methods) * (len(pool.methods) - 1) // 2
    n_differ = int((pool.pairs.adjusted < ALPHA).sum()) // 2
    paragraphs = (f"{n_differ} of {plural(n, 'pair')} differ at p < {ALPHA} (Wilcoxon, Holm over all pairs).",)
    reading = (
        "Read along a row: blue cells are methods that the row beats more often than not, orange ones those that beat "
        "it. A pair's "
        "own p-value depends on no other method; its adjustment depends on how many pairs there are.",
    )
    return Section("pairs", "All pairs", paragraphs, reading, _present(drawings.get("pairs"), pairs_table(analysis)))


def _ranks(analysis: Analysis, drawings: dict[str, Drawing]) -> Section:
    pool, heading = analysis.imputed, "Critical-difference diagram"
    if pool.nemenyi is None:
        return Section("ranks", heading, (pool.notes["all"],))
    paragraphs = (f"Nemenyi's critical difference of mean ranks is {pool.nemenyi.critical_difference:.2f} at p = {ALPHA}.",)
    reading = (
        "Methods stand at their mean ranks, best at the left. A thick bar joins neighbours of which no two differ "
        "significantly by "
        "the Wilcoxon-Holm tests above.",
        "The interval at the top is Nemenyi's critical difference, as the PropNEAT paper used it. Whether two methods "
        "differ by that "
        "test depends on which others are in the pool (Benavoli, Corani and Mangili 2016), so it is shown for comparison only.",
    )
    return Section("ranks", heading, paragraphs, reading, _present(drawings.get("ranks"), nemenyi_table(analysis)))


def _robustness(analysis: Analysis) -> Section:
    heading = "Complete cases, and one data set per family"
    pools = {
        "the imputed analysis": analysis.imputed,
        "complete cases": analysis.complete,
        "one per family": analysis.one_per_family,
    }
    paragraphs = [
        f"{plural(len(analysis.imputed.scores), 'data set')} with results belong to "
        f"{plural(len(analysis.one_per_family.scores), 'family').replace('familys', 'families')}."
    ]
    for label, pool in pools.items():
        paragraphs += [f"For {label}: {pool.notes[key]}" for key in ("all", "primary") if key in pool.notes]
    reading = (
        "Data sets are not independent: some are versions of one problem. The one-per-family columns keep the first of each "
        "family by name. Conclusions that hold in all three groups of columns depend neither on imputation nor on "
        "near-duplicates.",
    )
    return Section("robustness", heading, tuple(paragraphs), reading, (robustness_table(analysis),))


def _cost(analysis: Analysis, drawings: dict[str, Drawing]) -> Section:
    metric = analysis.cells.metric.name.replace("_", "-")
    names = [f"{metric}-{measure}" for measure in ("n-parameters", "size", "fit-seconds")]
    blocks = _present(*(drawings.get(name) for name in ("rank-size", "rank-fit-seconds", *names)))
    if not blocks:
        return Section("cost", "Accuracy and its cost", ("No usable result has a number of parameters or a time to fit.",))
    reading = (
        "Small dots are data sets, the large mark is the median of both axes over data sets, and its lines are "
        "quartiles. "
        f"{'Down' if analysis.cells.metric.is_lower_better else 'Up'} and to "
        "the left is better: more accurate, smaller or faster. Imputed results are not shown."
        + _floor_text(analysis.cells.metric),
    )
    return Section("cost", "Accuracy and its cost", (), reading, blocks)


def _floor_text(metric: Metric) -> str:
    return "" if metric.axis_low is None else f" A {metric.label} below {metric.axis_low:g} is drawn at {metric.axis_low:g}."


def _datasets(analysis: Analysis, drawings: dict[str, Drawing]) -> Section:
    if not len(analysis.imputed.scores):
        return Section("datasets", "Data set by data set", (analysis.imputed.notes["all"],))
    reading = (
        f"Each panel is a data set with its own {analysis.cells.metric.label} axis; a dot is a fold (with more than 30 "
        "folds a cell shows range and quartiles), a "
        "plain tick the mean, a cross no usable fold, a dashed line guessing.",
    )
    return Section("datasets", "Data set by data set", (), reading, _present(scores_table(analysis), drawings.get("folds")))


def _fold_tests(results: Results, analysis: Analysis) -> Section:
    heading = "Within each data set"
    if len(analysis.cells.methods) == 1:
        return Section("within", heading, ("There is one method, so there is nothing to compare it with.",))
    table = fold_tests_table(analysis)
    if table is None:
        return Section(
            "within", heading, ("No two methods share two usable folds of a data set, so none is tested within one.",)
        )
    reading = [
        "Folds share training rows, so an ordinary t-test is too sure of itself; the correction of Nadeau and Bengio "
        "(2003) widens its "
        "variance by the ratio of test to training rows. Many tests are made here: without the adjustment one in twenty "
        "would be "
        "significant by chance."
    ]
    if results.protocol.startswith("paper"):
        reading.append(
            "All runs of this protocol share one split, so these tests speak of that split and of random seeds alone."
        )
    return Section("within", heading, (), tuple(reading), (table,))


def _failures(analysis: Analysis) -> Section:
    if not analysis.failures:
        return Section("failures", "Failures", ("No task failed or was skipped.",))
    return Section("failures", "Failures", blocks=(failures_table(analysis.failures),))


def _provenance(results: Results) -> Section:
    heading = "Where results were computed"
    if not results.provenance:
        return Section("provenance", heading, ("No environment was recorded with these results.",))
    return Section("provenance", heading, blocks=(provenance_table(results.provenance),))


def _configuration(results: Results) -> Section:
    if not results.configuration:
        return Section("configuration", "Configuration", ("No configuration was recorded with these results.",))
    return Section("configuration", "Configuration", blocks=(configuration_table(results.configuration),))

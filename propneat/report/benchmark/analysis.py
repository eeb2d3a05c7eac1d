"""Numbers of a benchmark report: cells to statistics, each with a sentence where it cannot be computed."""

from dataclasses import dataclass, replace

import numpy as np

from propneat import stats
from propneat.base.rng import make_rng
from propneat.report.benchmark.cells import Cells, FailureGroup, gather_cells, group_failures
from propneat.report.benchmark.results import Results

__all__ = ["ALPHA", "Analysis", "FoldTests", "MethodSummary", "Pool", "analyse"]

ALPHA = 0.05
_BAYES_SAMPLES, _BOOTSTRAP_SAMPLES = 50_000, 2_000
_LEAST = 1e-9
"""By what share of a score something imputed is worse than the worst that was measured."""


@dataclass(frozen=True, eq=False)
class Pool:
    """One matrix of scores and its statistics. What cannot be computed is None or empty, and `notes` says why.

    `scores` has the shape (n_datasets, n_methods) and `imputed` says which of them are the constant predictor's. `placed` are
    what ranks and tests compare: the same, higher better, but what is imputed lies below everything measured on its data
    set. `datasets` and `methods` are row and column numbers in the cells; `reference` is a column of this pool, None where the
    reference is not in it.
    """

    name: str
    datasets: tuple[int, ...]
    methods: tuple[int, ...]
    scores: np.ndarray
    placed: np.ndarray
    imputed: np.ndarray
    reference: int | None
    notes: dict[str, str]
    ranks: np.ndarray | None = None
    bootstrap: stats.FamilyBootstrap | None = None
    friedman: stats.FriedmanResult | None = None
    nemenyi: stats.NemenyiResult | None = None
    pairs: stats.PairwiseResult | None = None
    cliques: tuple[tuple[int, ...], ...] = ()
    primary: tuple[stats.Comparison, ...] = ()
    bayes: tuple[stats.BayesianResult, ...] = ()
    """One per comparison of `primary`, in its order."""


@dataclass(frozen=True)
class MethodSummary:
    """A method over all data sets. Score and rank include imputed cells, all else does not; NaN where there is nothing."""

    method: int
    n_measured: int
    """Data sets with a usable result, over which all but score and rank are summarised."""
    n_imputed: int
    mean_score: float
    """Of the metric of the cells."""
    median_score: float
    mean_rank: float
    measured_score: float
    """Mean score over the `n_measured` data sets alone."""
    balanced_accuracy: float
    log_loss: float
    brier: float
    ece: float
    floored_r2: float
    """Mean of R² where those below 0 count as 0."""
    n_parameters: float
    """This and the rest are medians over data sets."""
    size: float
    depth: float
    fit_seconds: float
    predict_seconds: float


@dataclass(frozen=True, eq=False)
class FoldTests:
    """The reference against every other method within each data set; arrays of shape (n_datasets, n_methods).

    NaN where the reference is itself or the two share fewer than 2 usable folds. `difference` is the mean of reference minus
    other (other minus reference where lower is better), in the metric, `adjusted` by Holm over the data sets, for each
    other method.
    """

    difference: np.ndarray
    p_value: np.ndarray
    adjusted: np.ndarray
    n_folds: np.ndarray


@dataclass(frozen=True, eq=False)
class Analysis:
    """All numbers of a report."""

    cells: Cells
    imputed: Pool
    """Every data set with a usable result of any method; empty cells count as the constant predictor."""
    complete: Pool
    """Data sets on which every method that has any result at all has one."""
    one_per_family: Pool
    """The first data set of each family, otherwise as `imputed`."""
    summary: tuple[MethodSummary, ...]
    """In order of mean rank."""
    fold_tests: FoldTests
    failures: tuple[FailureGroup, ...]


def analyse(results: Results) -> Analysis:
    """Compute everything a report shows, the same numbers for the same results."""
    cells = gather_cells(results)
    scores, empty = _fill(cells), cells.is_empty
    everyone, rows = np.arange(len(cells.methods)), np.flatnonzero(cells.is_measured)
    imputed = _compare("imputed", cells, rows, everyone, scores, empty)
    active = np.flatnonzero(~empty.all(axis=0))
    whole = np.flatnonzero(cells.is_measured & ~empty[:, active].any(axis=1))
    same = len(whole) == len(rows) and len(active) == len(everyone)
    complete = replace(imputed, name="complete_cases") if same else _compare(
        "complete_cases", cells, whole, active, scores, empty
    )  # fmt: skip
    families = [cells.datasets[row].family for row in rows]
    first = rows[stats.one_per_family(families)] if len(rows) else rows
    one = _compare("one_per_family", cells, first, everyone, scores, empty)
    return Analysis(
        cells, imputed, complete, one, _summarise(cells, imputed), _test_folds(cells), group_failures(results)
    )  # fmt: skip


def _fill(cells: Cells) -> np.ndarray:
    """Return scores with empty cells filled: by the constant predictor's, else by the worst of their data set."""
    if cells.metric.constant is not None:
        return np.where(cells.is_empty, cells.metric.constant, cells.score)
    return np.where(cells.is_empty, cells.metric.sign * _worst(cells.metric.sign * cells.score), cells.score)


def _worst(placed: np.ndarray) -> np.ndarray:
    """Return the lowest known value of every row, (n_rows, 1), 0 where there is none."""
    worst = np.min(np.where(np.isfinite(placed), placed, np.inf), axis=1, initial=np.inf)
    return np.where(np.isfinite(worst), worst, 0.0)[:, None]


def _place(scores: np.ndarray, empty: np.ndarray, sign: int) -> np.ndarray:
    """Return scores turned so that higher is better, and what is imputed brought below all that was measured beside it."""
    placed = sign * scores
    worst = _worst(np.where(empty, np.nan, placed))
    below = worst - _LEAST * np.maximum(1.0, np.abs(worst))
    return np.where(empty, np.minimum(placed, below), placed)


def _compare(name: str, cells: Cells, rows: np.ndarray, columns: np.ndarray, scores: np.ndarray, empty: np.ndarray) -> Pool:
    """Compute the statistics of the given rows and columns of all scores."""
    where = np.ix_(rows, columns)
    found = np.flatnonzero(columns == cells.reference)
    reference = int(found[0]) if len(found) else None
    notes: dict[str, str] = {}
    placed = _place(scores[where], empty[where], cells.metric.sign)
    pool = Pool(name, tuple(rows.tolist()), tuple(columns.tolist()), scores[where], placed, empty[where], reference, notes)
    n_datasets, n_methods = pool.scores.shape
    if n_datasets == 0 or n_methods == 0:
        notes["all"] = "No data set has a usable result to compare, so no statistic can be computed."
        return pool
    pool = replace(pool, ranks=stats.average_ranks(pool.placed))
    families = [cells.datasets[row].family for row in rows]
    if len(set(families)) < 2:
        notes["bootstrap"] = "There is one family of data sets, so means and ranks have no bootstrap interval."
    else:
        # the same samples for both, so that intervals of scores hold no turned or lowered ones
        ranked, scored = (
            stats.bootstrap_families(matrix, families, _BOOTSTRAP_SAMPLES, make_rng("report", "bootstrap", name))
            for matrix in (pool.placed, pool.scores)
        )
        own = {part: getattr(scored, part) for part in ("mean_score", "score_low", "score_high")}
        pool = replace(pool, bootstrap=replace(ranked, **own))
    if n_methods < 2:
        notes["all"] = "There is one method with results, so there is nothing to compare it with."
        return pool
    if n_datasets < 2:
        notes["all"] = "There is one data set with results, and a test over data sets needs two or more."
        return pool
    return _add_primary(_add_tests(pool), cells)


def _add_tests(pool: Pool) -> Pool:
    pairs = stats.pairwise_wilcoxon(pool.placed)
    if len(pool.scores) < 6:
        pool.notes["power"] = (
            f"With {len(pool.scores)} data sets no Wilcoxon test can reach p < {ALPHA}: six are the least that can."
        )
    return replace(
        pool,
        friedman=stats.friedman(pool.placed),
        nemenyi=stats.nemenyi(pool.placed, ALPHA),
        pairs=pairs,
        cliques=stats.cliques(pool.ranks, pairs.adjusted < ALPHA),
    )


def _add_primary(pool: Pool, cells: Cells) -> Pool:
    if pool.reference is None:
        pool.notes["primary"] = f"{cells.methods[cells.reference]} has no usable result, so it is compared with none."
        return pool
    primary = stats.against_one(pool.placed, pool.reference, ALPHA)
    bayes = []
    for comparison in primary:
        difference = pool.placed[:, pool.reference] - pool.placed[:, comparison.other]
        rng = make_rng("report", "bayes", pool.name, cells.methods[pool.methods[comparison.other]])
        bayes.append(stats.bayesian_signed_rank(difference, cells.metric.rope, _BAYES_SAMPLES, rng))
    return replace(pool, primary=primary, bayes=tuple(bayes))


def _summarise(cells: Cells, pool: Pool) -> tuple[MethodSummary, ...]:
    """Summarise methods in order of mean rank, the imputed pool's."""
    made = []
    for method in range(len(cells.methods)):
        usable = cells.usable[:, method] > 0
        known = {**cells.means, "size": cells.size, "floored_r2": np.maximum(cells.means["r2"], 0.0)}
        own = {name: values[usable & np.isfinite(values[:, method]), method] for name, values in known.items()}
        scores = pool.scores[:, method]
        medians = (_of(np.median, own[name]) for name in ("n_parameters", "size", "depth", "fit_seconds", "predict_seconds"))
        means = (cells.metric.name, "balanced_accuracy", "log_loss", "brier", "ece", "floored_r2")
        made.append(
            MethodSummary(
                method,
                int(usable.sum()),
                int(pool.imputed[:, method].sum()),
                _of(np.mean, scores),
                _of(np.median, scores),
                float(pool.ranks[method]) if pool.ranks is not None else np.nan,
                *(_of(np.mean, own[name]) for name in means),
                *medians,
            )
        )
    return tuple(sorted(made, key=lambda row: (row.mean_rank if row.mean_rank == row.mean_rank else np.inf, row.method)))


def _of(statistic: object, values: np.ndarray) -> float:
    return float(statistic(values)) if len(values) else np.nan


def _test_folds(cells: Cells) -> FoldTests:
    """Test the reference against each other method over the folds of each data set that both have."""
    shape = cells.planned.shape
    difference, p_value, adjusted = (np.full(shape, np.nan) for _ in range(3))
    n_folds = np.zeros(shape, np.int64)
    folds = cells.folds
    start = np.searchsorted(folds.dataset, np.arange(shape[0] + 1))
    for row in range(shape[0]):
        part = slice(start[row], start[row + 1])
        keys = np.stack([folds.repeat[part], folds.fold[part]], axis=1)
        method, score, share = folds.method[part], folds.score[part], folds.test_fraction[part]
        if not len(score):
            continue
        which = np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)
        table = np.full((which.max() + 1, shape[1]), np.nan)
        table[which, method] = score
        fraction = float(np.mean(share[np.isfinite(share)])) if np.isfinite(share).any() else np.nan
        for other in range(shape[1]):
            gaps = cells.metric.sign * (table[:, cells.reference] - table[:, other])
            gaps = gaps[np.isfinite(gaps)]
            n_folds[row, other] = len(gaps)
            if other != cells.reference and len(gaps) > 1:
                difference[row, other] = gaps.mean()
                if 0 < fraction < 1:
                    p_value[row, other] = stats.nadeau_bengio(gaps, fraction).p_value
    for other in range(shape[1]):
        known = np.isfinite(p_value[:, other])
        adjusted[known, other] = stats.holm(p_value[known, other])
    return FoldTests(difference, p_value, adjusted, n_folds)

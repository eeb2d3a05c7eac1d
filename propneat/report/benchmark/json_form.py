"""A report's numbers as plain JSON values; what is not a finite number is null."""

import math
from dataclasses import asdict, is_dataclass
from typing import Any

import numpy as np

from propneat.report.benchmark.analysis import ALPHA, Analysis, Pool
from propneat.report.benchmark.cells import Cells
from propneat.report.benchmark.results import Results

__all__ = ["make_json"]


def make_json(results: Results, analysis: Analysis, version: str) -> dict[str, Any]:
    """Return everything a report shows, ready for `json.dumps`.

    Matrices are lists of rows, data sets x methods in the order of "datasets" and "methods", unless an analysis says by its own
    "datasets" and "methods" which it has. An infinite end of an interval and an infinite statistic are null.
    """
    cells, metric = analysis.cells, analysis.cells.metric
    return _plain(
        {
            "schema": 2,
            "propneat": version,
            "title": results.title,
            "protocol": results.protocol,
            "alpha": ALPHA,
            "metric": metric.name,
            "is_lower_better": metric.is_lower_better,
            "statistic": cells.statistic,
            "rope": metric.rope,
            "imputed_score": metric.constant,
            "methods": cells.methods,
            "published": [name for name, is_so in zip(cells.methods, cells.published, strict=True) if is_so],
            "reference": cells.methods[cells.reference],
            "datasets": [asdict(dataset) for dataset in cells.datasets],
            "coverage": {"planned": cells.planned, "usable": cells.usable, **cells.counts},
            "means": cells.means,
            "summary": [{**asdict(row), "method": cells.methods[row.method]} for row in analysis.summary],
            "analyses": {
                pool.name: _pool(pool, cells) for pool in (analysis.imputed, analysis.complete, analysis.one_per_family)
            },
            "fold_tests": vars(analysis.fold_tests),
            "failures": [asdict(group) for group in analysis.failures],
            "provenance": list(results.provenance),
            "configuration": results.configuration,
        }
    )


def _pool(pool: Pool, cells: Cells) -> dict[str, Any]:
    names = [cells.methods[k] for k in pool.methods]
    primary = [
        {**asdict(comparison), "other": names[comparison.other], "bayes": asdict(bayes)}
        for comparison, bayes in zip(pool.primary, pool.bayes, strict=True)
    ]
    return {
        "datasets": [cells.datasets[k].name for k in pool.datasets],
        "methods": names,
        "scores": pool.scores,
        "imputed": pool.imputed,
        "mean_ranks": pool.ranks,
        "bootstrap": pool.bootstrap,
        "friedman": pool.friedman,
        "nemenyi": pool.nemenyi,
        "pairs": pool.pairs,
        "cliques": [[names[k] for k in bar] for bar in pool.cliques],
        "primary": primary,
        "notes": pool.notes,
    }


def _plain(value: Any) -> Any:
    """Return dataclasses, arrays, tuples and numpy's numbers as dicts, lists and Python's numbers; anything else as text."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if is_dataclass(value):
        return _plain(vars(value))
    return str(value)

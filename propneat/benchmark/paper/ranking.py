"""The paper's ranking of methods, by the benchmark that is kept in the repository."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from propneat.benchmark.store import open_store
from propneat.methods.claims import ahead
from propneat.methods.contract import Claim
from propneat.stats.ranks import average_ranks, nemenyi

__all__ = ["COMMITTED", "ranking", "ranking_claims"]

COMMITTED = Path("results/examples/pmlb58-paper")
"""Where the store of the paper's data sets lies in a checkout."""

_OURS = {
    "random-forest": "random forest, tuned",
    "propneat": "PropNEAT",
    "dense-nn": "dense network of the paper",
    "logistic-regression": "logistic regression",
    "propneat-retrain": "PropNEAT, retrained",
}
"""Methods of the paper's comparison."""
_PUBLISHED = {"random-forest": 0.904, "propneat": 0.890, "dense-nn": 0.865, "logistic-regression": 0.784}
"""The paper's mean AUC over 58 data sets."""


def ranking(store: Path) -> dict[str, Any]:
    """Return mean AUC by data set and method, mean ranks, and which pairs differ by Nemenyi's test at 5 %."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / store.name
        shutil.copytree(store, copy)
        with open_store(copy) as opened:
            rows = opened.rows()
    chosen = rows[rows["method"].isin(_OURS)]
    table = chosen.pivot_table(index="dataset", columns="method", values="auc", aggfunc="mean")[list(_OURS)].dropna()
    found = nemenyi(table.to_numpy())
    names = list(_OURS)
    pairs = [[names[i], names[j]] for i in range(len(names)) for j in range(i + 1, len(names)) if found.p_values[i, j] < 0.05]
    return {
        "auc": {name: table[name].tolist() for name in names},
        "rank": dict(zip(names, average_ranks(table.to_numpy()).tolist(), strict=True)),
        "differ": pairs,
        "datasets": table.index.tolist(),
    }


def ranking_claims(found: dict[str, Any]) -> list[Claim]:
    """Say whether the order of the paper holds, data set by data set, and which pairs differ."""
    auc, names = found["auc"], list(_PUBLISHED)
    claims = []
    for better, worse in zip(names[:-1], names[1:], strict=True):
        note = f", {_PUBLISHED[better]} and {_PUBLISHED[worse]} in the paper"
        claims.append(ahead(f"mean AUC, {_OURS[better]} less {_OURS[worse]}", auc[better], auc[worse], note))
    told = {("random-forest", "logistic-regression"), ("random-forest", "propneat-retrain")}
    shared = sum(tuple(pair) in told or tuple(pair[::-1]) in told for pair in found["differ"])
    what = (
        f"pairs of five methods that differ by Nemenyi's test, of the paper's two (here {len(found['differ'])} differ in all)"
    )
    n_sets = len(found["datasets"])
    return [
        *claims,
        Claim(
            what, "2: random forest from logistic regression and from PropNEAT retrained", shared, shared == 2, n_runs=n_sets
        ),
    ]

"""From the store to the report: rows under the names that readers see."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.benchmark.states import check_one_state
from propneat.benchmark.store import Store
from propneat.benchmark.task import FAILURES
from propneat.data.catalogue import find_suggestion
from propneat.stats import average_ranks

if TYPE_CHECKING:
    import pandas

    from propneat.report.benchmark import Results

__all__ = ["comparable_rows", "load_results", "read_rows", "summarise"]


def read_rows(store: Store) -> "pandas.DataFrame":
    """Return one row per planned task, as `Store.rows` does, with `label` and `seed`.

    `label` is the method's name; where a method was run with several sets of options, those in which they differ follow
    it. Rows of other data under one name, or of another version of propneat, differ in `data_hash` and `version`.
    """
    rows = store.rows()
    order = ["method", "dataset", "options", "data_hash", "version", "repeat", "fold"]
    rows = rows.sort_values(order, kind="stable", ignore_index=True)
    labels = {}
    for method, texts in rows.groupby("method")["options"].unique().items():
        labels |= {(method, text): label for text, label in zip(texts, _labels(method, list(texts)), strict=True)}
    rows["label"] = [labels[pair] for pair in zip(rows["method"], rows["options"], strict=True)]
    rows["seed"] = [int(key[:8], 16) for key in rows["key"]]
    return rows


def comparable_rows(store: Store) -> "pandas.DataFrame":
    """Return the rows of `read_rows` for tables in which methods are compared: of each data set as it is, by one propneat.

    Tasks planned for another state of a data set, or another version, of which nothing has a result are left out. Raises
    RunError, naming the data set and both hashes, or both versions, where results of two states are stored.
    """
    rows, states = read_rows(store), store.states()
    advice = "propneat benchmark export tells them apart; run what is to be compared again with another --out"
    check_one_state(f"{store.path.parent} holds", states, advice)
    if not states:
        return rows
    known = {state.dataset: state.data_hash for state in states}
    of_the_state = rows["data_hash"] == rows["dataset"].map(known).fillna(rows["data_hash"])
    return rows[of_the_state & (rows["version"] == states[0].version)].reset_index(drop=True)


def _labels(method: str, texts: list[str]) -> list[str]:
    """Return one label per set of options."""
    if len(texts) == 1:
        return [method]
    parsed = [json.loads(text) for text in texts]
    names = sorted({name for options in parsed for name in options})
    differing = [name for name in names if len({json.dumps(options.get(name)) for options in parsed}) > 1]
    return [
        f"{method} ({', '.join(f'{name}={json.dumps(options[name])}' for name in differing if name in options) or 'as it is'})"
        for options in parsed
    ]


def load_results(store: Store, title: str, score: str | None = None, methods: Sequence[str] = ()) -> "Results":
    """Return what the report is made from, methods compared by a score of that name, or by the headline of each kind of task.

    With `methods` these alone, in their order. Raises RunError as `comparable_rows` does, and ConfigError for a score or a
    method there is not.
    """
    from propneat.report.benchmark import Results
    from propneat.report.benchmark.metric import find_metric, kind_of

    rows = comparable_rows(store)
    metric = None if score is None else find_metric(score, {kind_of(kind) for kind in rows["kind"]})
    if methods:
        rows = _only(rows, methods)
    used = {int(number) for number in rows["environment"].dropna().unique()}
    provenance = [facts for number, facts in store.environments().items() if number in used]
    rows = rows.drop(columns=["method", "environment"]).rename(columns={"label": "method", "kind": "task"})
    rows["reason"] = rows["reason"].replace({np.nan: None})
    return Results(rows=rows, provenance=provenance, configuration=store.configuration() or {}, title=title, score=metric)


def _only(rows: "pandas.DataFrame", methods: Sequence[str]) -> "pandas.DataFrame":
    """Return the rows of some methods by their labels."""
    known = list(dict.fromkeys(rows["label"]))
    for name in methods:
        if name not in known:
            close = find_suggestion(name, known)
            hint = f"did you mean {close!r}?" if close else f"they are {', '.join(known)}"
            raise ConfigError(f"there is no method {name!r} in these results: {hint}")
    return rows[rows["label"].isin(methods)]


def summarise(rows: "pandas.DataFrame") -> list[dict[str, Any]]:
    """Return one dict per kind of task and method, best mean rank first, from the rows of `comparable_rows`.

    Figures are averaged within a data set first, or joined by their median where the protocol says so. The mean of the
    `metric`, under its own name, and mean rank are over the `n_common` data sets that all methods with any result have
    results for, so they compare; `n_datasets` is how many the method itself has. Seconds, parameters and nodes of the
    formula are medians over data sets.
    """
    from propneat.report.benchmark.metric import CLASSES, NUMBERS, kind_of

    kinds = rows["kind"].map(kind_of)
    return [entry for kind in (CLASSES, NUMBERS) for entry in _summarise(rows[kinds == kind], kind)]


def _summarise(rows: "pandas.DataFrame", kind: str) -> list[dict[str, Any]]:
    """Return one dict per method of one kind of task."""
    if not len(rows):
        return []
    from propneat.report.benchmark.metric import headline, statistic_of

    protocol = str(rows["protocol"].iloc[0])
    metric, statistic = headline(kind, protocol), statistic_of(protocol)
    done = rows[rows["status"] == "ok"]
    if metric.column is not None:
        done = done.assign(**{metric.name: done[metric.column].clip(0.0, 1.0)})
    means = done.pivot_table(index="dataset", columns="label", values=metric.name, aggfunc=statistic)
    common = means.dropna()
    several = len(common) and common.shape[1] > 1
    ranks = dict(zip(means.columns, average_ranks(metric.sign * common.to_numpy()), strict=True)) if several else {}
    means = means.reindex(columns=sorted(rows["label"].unique()))
    summary = []
    for label in means.columns:
        rank = ranks.get(label)
        own = done[done["label"] == label].groupby("dataset")[["fit_seconds", "n_parameters", "n_nodes"]].agg(statistic)
        summary.append(
            {
                "method": label,
                "kind": kind,
                "metric": metric.name,
                f"mean_{metric.name}": float(common[label].mean()) if label in common and len(common) else None,
                "mean_rank": None if rank is None else float(rank),
                "n_common": len(common),
                "n_datasets": int(means[label].notna().sum()),
                "fit_seconds": float(own["fit_seconds"].median()) if len(own) else None,
                **{
                    size: float(own[size].median()) if own[size].notna().any() else None for size in ("n_parameters", "n_nodes")
                },
                "failed": int(rows[rows["label"] == label]["status"].isin(FAILURES).sum()),
            }
        )
    return sorted(summary, key=lambda row: (row["mean_rank"] is None, row["mean_rank"], row["method"]))

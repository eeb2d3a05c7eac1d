"""The tables and sentences of a run's report."""

from collections.abc import Mapping, Sequence
from shlex import quote
from typing import Any

import numpy as np

from propneat.model import Model
from propneat.model.importance import Importance
from propneat.model.intervals import Answers

__all__ = [
    "LOW_IS_GOOD", "SCORE_WORDS", "columns_table", "confusion_table", "headline_of", "results_table", "sizes_table", "standing",
    "usage", "verdicts",
]  # fmt: skip

SCORE_WORDS = {"auc": "AUC", "balanced_accuracy": "balanced accuracy", "log_loss": "log loss", "r2": "R²", "rmse": "RMSE"}
"""Scores as people call them."""
LOW_IS_GOOD = ("log_loss", "rmse")
_MOST_CLASSES = 30
_TOLD = {"better": "better than", "worse": "worse than", "even": "not told apart from"}


def figure(value: float | None) -> str:
    """Return a score as people read it."""
    if value is None or not np.isfinite(value):
        return "undefined"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.4g}"


def results_table(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the heads and rows of test scores: the network, then the methods beside it."""
    names = list(summary["test"])
    ways = [("this network", _size(summary), summary["test"], summary.get("test_intervals", {}))]
    ways += [(one["name"], one["size"], one["test"], one["test_intervals"]) for one in summary.get("baselines", [])]
    rows = [
        {"name": name, "size": size, "cells": [_cell(scores[score], ends.get(score)) for score in names]}
        for name, size, scores, ends in ways
    ]
    heads = [(SCORE_WORDS.get(name, name), f"{'lower' if name in LOW_IS_GOOD else 'higher'} is better") for name in names]
    is_narrow = any(low == high for low, high in summary.get("test_intervals", {}).values())
    return {"heads": heads, "rows": rows, "is_narrow": is_narrow}


def _size(summary: Mapping[str, Any]) -> str:
    n = summary["connections"]
    return f"{n} connection" + ("" if n == 1 else "s")


def _cell(value: float | None, ends: Sequence[float | None] | None) -> tuple[str, str]:
    return figure(value), f"{figure(ends[0])} to {figure(ends[1])}" if ends else ""


def verdicts(summary: Mapping[str, Any], unit: str) -> list[str]:
    """Return a sentence on each method beside the network: by how much they differ, and whether that is more than chance."""
    sentences = []
    for one in summary.get("baselines", []):
        name = headline_of(one)
        gap = one["network_less_it"][name]
        if gap["value"] is None or gap["low"] is None:
            continue
        sentences.append(
            f"On these {summary['test_rows']} {unit} the network is {_TOLD[standing(one)]} {one['name']}: "
            f"{SCORE_WORDS[name]} {gap['value']:+.4f}, "
            f"95 % interval {gap['low']:+.4f} to {gap['high']:+.4f}, p = {gap['p_value']:.2g}."
        )
    return sentences


def headline_of(baseline: Mapping[str, Any]) -> str:
    """Return the score by which a method is compared with the network: R², AUC, or the log loss where there is no AUC."""
    gaps = baseline["network_less_it"]
    return "r2" if "r2" in gaps else "auc" if gaps["auc"]["value"] is not None else "log_loss"


def standing(baseline: Mapping[str, Any]) -> str:
    """Say how the network stands to a method: "better" or "worse" where 0 is outside the 95 % interval, or "even"."""
    name = headline_of(baseline)
    gap = baseline["network_less_it"][name]
    if gap["low"] is None or gap["low"] <= 0 <= gap["high"]:
        return "even"
    return "better" if (gap["value"] > 0) != (name in LOW_IS_GOOD) else "worse"


def confusion_table(answers: Answers | None, classes: Sequence[Any] | None) -> dict[str, Any] | None:
    """Return how many rows of each class got each answer, the most frequent classes; None of numbers."""
    if answers is None or classes is None:
        return None
    n = len(classes)
    counts = np.zeros((n, n), np.int64)
    np.add.at(counts, (answers.truth, np.argmax(answers.values, axis=1)), 1)
    most = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:_MOST_CLASSES])
    shown = counts[np.ix_(most, most)]
    shares = shown / np.maximum(counts[most].sum(axis=1, keepdims=True), 1)
    rows = [
        {
            "name": str(classes[k]),
            "total": int(counts[k].sum()),
            "cells": [
                {"n": int(n_rows), "share": f"{share:.0%}", "strength": round(float(share), 2), "right": place == number}
                for place, (n_rows, share) in enumerate(zip(shown[number], shares[number], strict=True))
            ],
        }
        for number, k in enumerate(most.tolist())
    ]
    return {"heads": [str(classes[k]) for k in most.tolist()], "rows": rows, "n_left_out": n - len(most)}


def sizes_table(front: Sequence[Mapping[str, Any]], taken: int) -> list[dict[str, Any]]:
    """Return the figures of every network of the front as texts, the one of this page marked."""
    return [
        {
            "taken": row["connections"] == taken,
            "cells": [
                row["connections"],
                row["hidden_nodes"],
                row["inputs_used"],
                row["formula_nodes"],
                figure(row["validation_loss"]),
                figure(row["standard_error"]),
                figure(row["validation_score"]),
            ],
        }
        for row in front
    ]


def columns_table(model: Model, importances: Sequence[Importance]) -> list[dict[str, Any]]:
    """Return how every column is read, and whether the network uses it."""
    worth = {one.column: f"{one.mean:.4g} ± {one.spread:.2g}" for one in importances}
    used = set(model.used_features)
    rows = []
    for plan in model.preprocessor.plan.columns:
        form = {key: value for key, value in plan.to_dict().items() if key not in ("name", "kind", "levels", "reason")}
        how = plan.reason or ", ".join(f"{key} {value!r}" for key, value in form.items())
        if plan.kind == "category":
            how = ", ".join(map(str, plan.levels[:5])) + (f", ... ({len(plan.levels)} levels)" if len(plan.levels) > 5 else "")
        n_inputs = sum(rule.feature == plan.name for rule in model.preprocessor.rules)
        rows.append(
            {
                "name": plan.name,
                "kind": plan.kind,
                "how": how,
                "inputs": n_inputs,
                "used": plan.name in used,
                "worth": worth.get(plan.name, ""),
            }
        )
    return rows


def usage(summary: Mapping[str, Any], model: Model) -> list[tuple[str, str]]:
    """Return ways to use the model, each a heading and lines of code."""
    folder = quote(summary["folder"])
    champion = quote(f"{summary['folder']}/champion.json")
    proba = "" if model.task == "regression" else " --proba"
    ways = [
        (
            "On the command line",
            f"propneat predict {champion} new.csv{proba}\npropneat show {champion}\npropneat pick {folder}",
        ),
        (
            "In Python",
            "import pandas\nfrom propneat.model import load_model\n\n"
            f"model = load_model({summary['folder'] + '/champion.json'!r})\n"
            f'model.predict{"" if model.task == "regression" else "_proba"}(pandas.read_csv("new.csv"))',
        ),
    ]
    if model.sequence is not None:
        return ways
    return [
        *ways,
        ("Without propneat", f"propneat export {champion} --to python --out formula.py\npropneat export {champion} --to sql"),
        ("In C, on a microcontroller", f"propneat export {champion} --to c --out firmware"),
    ]

"""Rows made canonical, and divided into a part to learn from and a part to judge by."""

from collections.abc import Callable

import numpy as np

__all__ = ["fold_rows", "join_rows", "split_rows"]


def join_rows(column: Callable[[int], np.ndarray], n_columns: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sort rows and join those equal in all columns; return one of each, int64 (n_joined,), and their total weights.

    `column` gives the column of a number, shape (n_rows,), the most significant one first; most of them are not asked for.
    Rows of weight 0 are dropped; `weights` has shape (n_rows,). What is learnt from the result cannot depend on the
    order of rows nor on whether a row is repeated or weighted, and a repeated row cannot lie on both sides of a split.
    """
    order, is_first = _sorted_rows(column, n_columns, weights)
    totals = np.add.reduceat(weights[order], np.flatnonzero(is_first)) if len(order) else weights[order]
    return order[is_first], totals


def _sorted_rows(column: Callable[[int], np.ndarray], n_columns: int, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of rows by columns, the most significant first, and whether each in it differs from the one before.

    Few columns tell most rows apart, so each time twice as many are looked at, for those rows alone that are still tied. Equal
    rows stand in the order of their weights, so that these are added up in an order of their own.
    """
    order = np.flatnonzero(weights > 0)
    is_first, places, group = np.ones(len(order), bool), np.arange(len(order)), np.zeros(len(order), np.int64)
    start, width = 0, 2
    while len(places) and start < n_columns:
        rows = order[places]
        part = [column(number)[rows] for number in range(start, min(start + width, n_columns))]
        sorting = np.lexsort([*part[::-1], group])
        order[places] = rows[sorting]
        differs = np.ones(len(rows) + 1, bool)
        differs[1:-1] = group[1:] != group[:-1]
        for values in part:
            values = values[sorting]
            differs[1:-1] |= values[1:] != values[:-1]
        tied = ~(differs[1:] & differs[:-1])
        places, group = places[tied], np.cumsum(differs[:-1])[tied]
        start, width = start + width, 2 * width
    rows = order[places]
    order[places] = rows[np.lexsort([weights[rows], group])]
    is_first[places[1:][group[1:] == group[:-1]]] = False
    return order, is_first


def split_rows(
    target: np.ndarray, fraction: float, stratified: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Divide row numbers at random into those to learn from and, about `fraction` of them, those to judge by.

    `stratified` divides each class of `target` on its own. The learning part has at least one row of each. Both results are sorted.
    """
    groups = [np.flatnonzero(target == value) for value in np.unique(target)] if stratified else [np.arange(len(target))]
    judged = [rng.permutation(rows)[: min(int(round(fraction * len(rows))), len(rows) - 1)] for rows in groups]
    judge = np.sort(np.concatenate(judged))
    return np.setdiff1d(np.arange(len(target)), judge), judge


def fold_rows(
    target: np.ndarray, n_folds: int, fold: int, stratified: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Divide row numbers at random into folds as even as can be; return those of all other folds, and those of `fold`, from 1.

    The same generator gives the same folds, and every row is in one of them. `stratified` deals each class of `target` out on
    its own; a class of a single row is never held out. Both results are sorted.
    """
    groups = [np.flatnonzero(target == value) for value in np.unique(target)] if stratified else [np.arange(len(target))]
    dealt = np.concatenate([rng.permutation(rows) if len(rows) > 1 else rows[:0] for rows in groups])
    judge = np.sort(dealt[fold - 1 :: n_folds])
    return np.setdiff1d(np.arange(len(target)), judge), judge

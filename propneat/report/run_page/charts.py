"""The charts of a run's report: errors, importance, partial dependence, sizes and the run itself."""

from collections.abc import Mapping, Sequence

import numpy as np

from propneat.model.importance import Dependence, Importance
from propneat.model.intervals import Answers
from propneat.report.axes import Scale, linear_scale, log_scale
from propneat.report.drawing import METHOD_COLOURS, Dots, Drawing, Rect, Segments, Text, line, shorten, text_width
from propneat.report.run_page.plots import Plot, finite_range

__all__ = [
    "draw_calibration", "draw_curves", "draw_dependence", "draw_importance", "draw_predicted", "draw_residuals", "draw_roc",
    "draw_sizes",
]  # fmt: skip

_MOST_POINTS, _MOST_LINES = 1500, len(METHOD_COLOURS)
_BINS = 10
_WIDE = 480.0


def draw_importance(found: Sequence[Importance], change: str) -> Drawing:
    """Draw a bar for every column, and a line over one standard deviation to both sides, of a change such as "Fall of AUC"."""
    names = [shorten(one.column, 26) for one in found]
    left, right, step = max(text_width(name, 12) for name in names) + 16, _WIDE - 20, 24.0
    ends = [(one.mean - one.spread, one.mean + one.spread) for one in found]
    scale = linear_scale(min(0.0, *(low for low, _ in ends)), max(1e-6, *(high for _, high in ends)), left, right)
    bottom = 40 + step * len(found)
    items = []
    for value, text in scale.ticks:
        items += [
            line(scale(value), 34, scale(value), bottom, "grid"),
            Text(scale(value), bottom + 16, text, "soft", 11, "middle"),
        ]
    for k, one in enumerate(found):
        middle = 40 + step * (k + 0.5)
        start, end = sorted((scale(0.0), scale(one.mean)))
        title = f"{one.column}: {one.mean:.4g} ± {one.spread:.2g}"
        items.append(Text(left - 8, middle + 4, names[k], "ink", 12, "end"))
        items.append(
            Rect(start, middle - 7, max(end - start, 0.8), 14, "good" if one.mean > one.spread else "even", title=title)
        )
        items.append(line(scale(ends[k][0]), middle, scale(ends[k][1]), middle, "ink", 1.2))
    items.append(line(scale(0.0), 34, scale(0.0), bottom))
    title = f"{change} when a column is shuffled"
    text = "; ".join(f"{one.column} {one.mean:.4g} ± {one.spread:.2g}" for one in found)
    items = [Text(10, 18, title, "ink", 13, bold=True), *items]
    return Drawing("importance", title, text, right + 20, bottom + 26, tuple(items))


def draw_dependence(found: Dependence, number: int) -> Drawing:
    """Draw the mean answer against a column: lines over numbers, marks over levels."""
    of_several = found.means.shape[1] > 1
    shown = np.argsort(-np.ptp(found.means, axis=0), kind="stable")[:_MOST_LINES] if of_several else np.array([0])
    plot = Plot(found.column, "", f"mean {found.names[0]}" if not of_several else "mean probability")
    y = linear_scale(*finite_range(found.means[:, shown]), *plot.up, n_ticks=5)
    if found.positions is None:
        places = np.linspace(*plot.across, 2 * len(found.labels) + 1)[1::2]
        x = Scale(0, 1, *plot.across, ())
        room = max(2, int((plot.across[1] - plot.across[0]) / len(places) / 6.4))
        shortened = [shorten(label, room) for label in found.labels]
        plot.items += [
            Text(place, plot.up[0] + 17, label, "soft", 11, "middle") for place, label in zip(places, shortened, strict=True)
        ]
    else:
        x = linear_scale(found.positions[0], found.positions[-1], *plot.across, n_ticks=5)
        places = np.array([x(value) for value in found.positions])
    for k, column in enumerate(sorted(shown.tolist())):
        levels = [y(value) for value in found.means[:, column]]
        if found.positions is not None:
            plot.path(places.tolist(), levels, f"m{k}")
        if found.positions is None or len(places) <= 12:
            for place, level, label, value in zip(places, levels, found.labels, found.means[:, column], strict=True):
                plot.mark(place, level, f"m{k}", f"{found.column} {label}: {found.names[column]} {value:.4g}")
        plot.legend += [(f"m{k}", found.names[column])] if of_several else []
    text = f"Mean answer over rows where {found.column} goes from {found.labels[0]} to {found.labels[-1]}"
    return plot.drawing(f"dependence-{number}", text, x, y)


def draw_sizes(rows: Sequence[Mapping[str, float | None]], taken: int) -> Drawing:
    """Draw the validation loss against the connections of every network of the front, that of `taken` connections marked."""
    plot = Plot("Networks of every size", "connections (log scale)", "validation loss", width=_WIDE)
    sizes = np.array([max(float(row["connections"]), 0.8) for row in rows])
    losses = np.array([np.nan if row["validation_loss"] is None else row["validation_loss"] for row in rows])
    errors = np.array([np.nan if row["standard_error"] is None else row["standard_error"] for row in rows])
    spread = np.where(np.isfinite(errors), errors, 0.0)
    x, y = (
        log_scale(sizes.min(), sizes.max(), *plot.across),
        linear_scale(*finite_range(losses - spread, losses + spread), *plot.up),
    )
    plot.path([x(size) for size in sizes], [y(loss) for loss in losses], "m0", 1.5)
    for size, loss, error, row in zip(sizes, losses, spread, rows, strict=True):
        if not np.isfinite(loss):
            continue
        is_taken = row["connections"] == taken
        plot.items.append(line(x(size), y(loss - error), x(size), y(loss + error), "even", 1.2))
        title = f"{row['connections']} connections: validation loss {loss:.4g} ± {error:.2g}"
        plot.mark(
            x(size), y(loss), "m1" if is_taken else "m0", title, "diamond" if is_taken else "circle", 13 if is_taken else 7
        )
    plot.legend = [("m1", f"this one, {taken} connections"), ("even", "standard error of the loss")]
    return plot.drawing("sizes", "Validation loss of the best network of every size", x, y)


def draw_curves(history: Sequence[Mapping[str, float]], each: int, score: str) -> list[Drawing]:
    """Draw loss, score, size and species by generation; dashed lines stand between populations of `each` generations."""
    panels = (
        ("Validation loss of the champion", "loss", ("validation_loss",)),
        (f"Validation {score} of the champion", score, ("validation_score",)),
        ("Size of the champion", "number of genes", ("n_connections", "n_hidden")),
        ("Species", "number of species", ("n_species",)),
    )
    generations = list(range(1, len(history) + 1))
    drawings = []
    for number, (title, label, names) in enumerate(panels):
        plot = Plot(title, "generation", label)
        lines = [[row.get(name, np.nan) for row in history] for name in names]
        low, high = finite_range(*lines)
        x = linear_scale(1, max(2, len(history)), *plot.across, n_ticks=5)
        y = linear_scale(0.0 if "number" in label else low, high, *plot.up, n_ticks=5)
        for edge in range(each, len(history), each):
            place = x(edge + 0.5)
            plot.path([place, place], list(plot.up), "axis", 1.0, dashed=True)
        for k, values in enumerate(lines):
            plot.path([x(generation) for generation in generations], [y(value) for value in values], f"m{k + number % 3}", 1.8)
            if len(history) == 1 and np.isfinite(values[0]):
                plot.mark(x(1), y(values[0]), f"m{k + number % 3}", f"{values[0]:.4g}")
        if len(names) > 1:
            plot.legend = [(f"m{number % 3}", "connections"), (f"m{number % 3 + 1}", "hidden nodes")]
        ends = f"from {lines[0][0]:.4g} to {lines[0][-1]:.4g}"
        drawings.append(plot.drawing(f"curve-{number}", f"{title}: {ends} over {len(history)} generations", x, y))
    return drawings


def draw_roc(answers: Answers, names: Sequence[str], others: Mapping[str, Answers]) -> Drawing | None:
    """Draw ROC curves on rows held out: of two classes the network's and the other methods', of more one for each class."""
    from sklearn.metrics import roc_curve

    plot = Plot("ROC curve", "share of other rows taken", "share of right rows found")
    x, y = linear_scale(0, 1, *plot.across), linear_scale(0, 1, *plot.up)
    plot.path([x(0), x(1)], [y(0), y(1)], "axis", 1.0, dashed=True)
    if answers.task == "binary":
        curves = {"this network": (answers.values[:, 1], answers.truth == 1)}
        curves |= {name: (other.values[:, 1], other.truth == 1) for name, other in others.items()}
    else:
        counts = np.bincount(answers.truth, minlength=len(names))
        most = np.sort(np.argsort(-counts, kind="stable")[:_MOST_LINES]).tolist()
        curves = {names[k]: (answers.values[:, k], answers.truth == k) for k in most if counts[k]}
    curves = {name: curve for name, curve in curves.items() if 0 < curve[1].sum() < len(curve[1])}
    for k, (name, (values, truth)) in reversed(list(enumerate(curves.items()))):
        false, true, _ = roc_curve(truth, values)
        plot.path([x(value) for value in false], [y(value) for value in true], f"m{k}", 2.4 if k == 0 else 1.4)
        plot.legend.insert(0, (f"m{k}", name))
    return plot.drawing("roc", f"ROC curves of {', '.join(curves)}", x, y) if curves else None


def draw_calibration(answers: Answers, label: str) -> Drawing:
    """Draw how often rows of about one probability are what the probability says, with 95 % intervals of Wilson (1927).

    Of two classes that of the second; of more, that of the class answered. Up to ten groups of as many rows.
    """
    if answers.task == "binary":
        said, happened, what = answers.values[:, 1], answers.truth == 1, f"P({label})"
    else:
        best = np.argmax(answers.values, axis=1)
        said, happened, what = answers.values.max(axis=1), best == answers.truth, "probability of the class answered"
    plot = Plot("Calibration", what, "share of rows where it is so")
    x, y = linear_scale(0, 1, *plot.across), linear_scale(0, 1, *plot.up)
    plot.path([x(0), x(1)], [y(0), y(1)], "axis", 1.0, dashed=True)
    groups = np.array_split(np.argsort(said, kind="stable"), min(_BINS, max(2, len(said) // 10)))
    means, shares = [], []
    for group in (each for each in groups if len(each)):
        n, share, mean = len(group), float(happened[group].mean()), float(said[group].mean())
        low, high = _wilson(share, n)
        plot.items.append(line(x(mean), y(low), x(mean), y(high), "even", 1.4))
        plot.mark(x(mean), y(share), "m0", f"{n} rows, mean probability {mean:.3f}: so in {share:.3f} of them")
        means.append(x(mean))
        shares.append(y(share))
    plot.path(means, shares, "m0", 1.4)
    return plot.drawing("calibration", f"Calibration of {what} in groups of rows", x, y)


def _wilson(share: float, n: int, z: float = 1.96) -> tuple[float, float]:
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return middle - half, middle + half


def draw_predicted(answers: Answers, target: str) -> Drawing:
    """Draw the answer against the true number of every row held out."""
    plot = Plot("Answer against truth", f"true {target}", "answer")
    some = _some(len(answers.truth))
    ends = finite_range(answers.truth[some], answers.values[some])
    x, y = linear_scale(*ends, *plot.across, n_ticks=5), linear_scale(*ends, *plot.up, n_ticks=5)
    plot.path([x(x.low), x(x.high)], [y(x.low), y(x.high)], "axis", 1.0, dashed=True)
    plot.items.append(
        Dots(tuple((x(a), y(b)) for a, b in zip(answers.truth[some], answers.values[some], strict=True)), "m0", 5, 0.5)
    )
    return plot.drawing("predicted", f"Answers against the truth on {len(answers.truth)} rows held out", x, y)


def draw_residuals(answers: Answers, target: str) -> Drawing:
    """Draw truth less answer against the answer; a thick line is the median of each tenth of the rows."""
    plot = Plot("Residuals", f"answered {target}", "truth less answer")
    gaps = answers.truth - answers.values
    some = _some(len(gaps))
    x = linear_scale(*finite_range(answers.values[some]), *plot.across, n_ticks=5)
    y = linear_scale(*finite_range(gaps[some]), *plot.up, n_ticks=5, signed=True)
    plot.items.append(Segments(((x(x.low), y(0), x(x.high), y(0)),), "axis", 1.2))
    plot.items.append(Dots(tuple((x(a), y(b)) for a, b in zip(answers.values[some], gaps[some], strict=True)), "m0", 5, 0.45))
    groups = np.array_split(np.argsort(answers.values, kind="stable"), max(1, min(_BINS, len(gaps) // 10)))
    plot.path(
        [x(float(np.median(answers.values[g]))) for g in groups], [y(float(np.median(gaps[g]))) for g in groups], "m1", 2.6
    )
    return plot.drawing("residuals", f"Truth less answer on {len(gaps)} rows held out", x, y)


def _some(n: int) -> np.ndarray:
    """Return the numbers of at most so many rows, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, _MOST_POINTS)).astype(np.int64))

"""Third part of the native study: does learning go on beyond the length of meta-training, and what helps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.methods.contract import Claim
from propneat.methods.vsml.classifier import VSMLClassifier
from propneat.methods.vsml.episodes import Task, predict, stream, stream_and_average
from propneat.methods.vsml.evolution_strategy import meta_train_by_evolution
from propneat.methods.vsml.meta_training import CURRICULUM, MetaState
from propneat.methods.vsml.online import learn_linear
from propneat.methods.vsml.parameters import MetaParameters
from propneat.methods.vsml.real_data import make_split
from propneat.methods.vsml.tasks import draw_task

__all__ = ["LONGEST", "evolution_study", "horizon_study"]

Progress = Callable[[str, int, int], None]
_WINDOW = 100
LONGEST = max(stage.length for stage in CURRICULUM)
"""Rows of the longest episodes of meta-training."""


def horizon_study(
    parameters: MetaParameters, seed: int, n_tasks: int, length: int, digits_rows: int | None, progress: Progress
) -> tuple[list[Claim], dict[str, Any]]:
    """Return claims and numbers of long episodes of synthetic tasks never met, for the parameters after every stage.

    Accuracies are means over tasks and over windows of 100 rows.
    """
    rng = make_rng(seed, "vsml", "horizon")
    tasks = [draw_task(rng, length) for _ in range(n_tasks)]
    labels = [task.Y.argmax(1) for task in tasks]
    learners: dict[str, list[np.ndarray]] = {}
    names = [f"VSML after stage {k}, {stage.length} rows" for k, stage in enumerate(CURRICULUM, 1)]
    stages = [np.array(values, np.float32) for values in parameters.stages]
    for done, (name, values) in enumerate(zip(names, stages, strict=True)):
        progress("long episodes", done, len(stages) + 1)
        learners[name] = [one.logits for one in stream([values] * n_tasks, tasks)]
    progress("long episodes", len(stages), len(stages) + 1)
    for rate in (0.02, 0.05, 0.1):
        learners[f"online SGD, step size {rate}"] = [learn_linear("SGD", rate, task.X, task.Y)[1] for task in tasks]
    progress("long episodes", len(stages) + 1, len(stages) + 1)
    curves = {}
    for name, outputs in learners.items():
        right = np.mean([out.argmax(1) == own for out, own in zip(outputs, labels, strict=True)], axis=0)
        curves[name] = right.reshape(-1, _WINDOW).mean(1).round(4).tolist()
    first, last = curves[names[0]], curves[names[-1]]
    taught = LONGEST // _WINDOW
    growth = float(np.mean(last[-5:]) - last[taught - 1])
    lead = float(np.mean(last[-5:]) - np.mean(first[-5:]))
    claims = [
        Claim(
            f"accuracy gained from row {taught * _WINDOW}, where meta-training ended, to row {length}",
            "above 0 (the paper's saturates)",
            growth,
            growth > 0,
        ),
        Claim(
            f"late accuracy gained by the curriculum over episodes of {CURRICULUM[0].length} rows only",
            "above 0",
            lead,
            lead > 0,
        ),
    ]
    averaging, found = _averaging(stages[-1], tasks, progress)
    claims.append(
        Claim(f"accuracy gained by averaging states, frozen after {taught * _WINDOW} rows", "above 0", averaging, averaging > 0)
    )
    return claims, {
        "curves": curves,
        "window": _WINDOW,
        "frozen": found,
        "digits_frozen": _what_helps(seed, digits_rows, progress),
    }


def _averaging(values: np.ndarray, tasks: list[Task], progress: Progress) -> tuple[float, dict[str, float]]:
    """Accuracy on each task's last quarter of states frozen before it: the last state, and the mean of the later half.

    Returns the gain of the mean at the length of meta-training, and all accuracies.
    """
    found: dict[str, list[float]] = {}
    judged = len(tasks[0].X) // 4
    for done, length in enumerate(sorted({LONGEST, len(tasks[0].X) - judged})):
        progress("averaged states", done, 2)
        heads = [Task(task.X[:length], task.Y[:length], task.state) for task in tasks]
        for task, states in zip(tasks, stream_and_average([values] * len(tasks), heads), strict=True):
            outputs = predict(values, task.X[-judged:], task.Y.shape[1], states)
            for kind, out in zip(("last", "mean"), outputs, strict=True):
                right = out.argmax(1) == task.Y[-judged:].argmax(1)
                found.setdefault(f"{kind} state, {length} rows", []).append(float(right.mean()))
    progress("averaged states", 2, 2)
    means = {name: float(np.mean(accuracies)) for name, accuracies in found.items()}
    return means[f"mean state, {LONGEST} rows"] - means[f"last state, {LONGEST} rows"], means


def _what_helps(seed: int, n_rows: int | None, progress: Progress) -> dict[str, Any]:
    """Frozen test accuracy on digits of one reading, of an ensemble, of up to four passes, and of both."""
    split, found = make_split("digits", 0, seed), {}
    for done, (n_members, max_passes) in enumerate(((1, 1), (8, 1), (1, 4), (8, 4))):
        progress("what helps on digits", done, 4)
        model = VSMLClassifier(n_members=n_members, max_passes=max_passes, max_rows=len(split.X), random_state=seed)
        model.fit(split.X[:n_rows], split.labels[:n_rows])
        found[f"members: {n_members}, passes: up to {max_passes}"] = {
            "accuracy": float((model.predict(split.X_test) == split.labels_test).mean()),
            "passes": model.n_passes_,
            "averaged": model.is_averaged_,
        }
    progress("what helps on digits", 4, 4)
    return found


def evolution_study(seed: int, steps: int, n_pairs: int, length: int, progress: Progress) -> tuple[list[Claim], dict[str, Any]]:
    """Return claims and numbers of meta-training from scratch by the antithetic evolution strategy."""

    def callback(state: MetaState) -> None:
        progress("evolution strategy", state.step, steps)

    losses = meta_train_by_evolution(seed, steps, n_pairs, length, callback=callback).losses
    tail = max(1, steps // 10)
    begin, end = float(np.mean(losses[:tail])), float(np.mean(losses[-tail:]))
    claim = Claim(
        "evolution strategy from scratch: loss relative to chance at its end", "below its beginning", end, end < begin
    )
    return [claim], {"losses": [round(loss, 4) for loss in losses], "members": 2 * n_pairs, "length": length}

"""Third part of the native study: does learning go on beyond the length of meta-training, and what helps."""

from collections.abc import Callable
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.methods.claims import FEWEST_RUNS, ahead, at_least, spread
from propneat.methods.contract import Claim
from propneat.methods.vsml.classifier import VSMLClassifier
from propneat.methods.vsml.episodes import Task, predict, stream, stream_and_average
from propneat.methods.vsml.evolution_strategy import meta_train_by_evolution
from propneat.methods.vsml.meta_training import CURRICULUM, MetaState
from propneat.methods.vsml.online import learn_linear
from propneat.methods.vsml.parameters import MetaParameters
from propneat.methods.vsml.real_data import make_split
from propneat.methods.vsml.tasks import draw_task

__all__ = ["LONGEST", "evolution_study", "frozen_states", "gains", "horizon_study", "long_episodes"]

Progress = Callable[[str, int, int], None]
_WINDOW = 100
LONGEST = max(stage.length for stage in CURRICULUM)
"""Rows of the longest episodes of meta-training."""


def horizon_study(
    parameters: MetaParameters, seed: int, n_tasks: int, length: int, digits_rows: int | None, progress: Progress
) -> tuple[list[Claim], dict[str, Any]]:
    """Return claims and numbers of long episodes of synthetic tasks never met, for the parameters after every stage.

    Accuracies are by task; claims compare them task by task, and curves are means over windows of 100 rows.
    """
    names = [f"VSML after stage {k}, {stage.length} rows" for k, stage in enumerate(CURRICULUM, 1)]
    stages = [np.array(values, np.float32) for values in parameters.stages]
    right = long_episodes(dict(zip(names, stages, strict=True)), seed, n_tasks, length, progress)
    tasks = _draw(seed, n_tasks, length)
    for rate in (0.02, 0.05, 0.1):
        outputs = [learn_linear("SGD", rate, task.X, task.Y)[1] for task in tasks]
        right[f"online SGD, step size {rate}"] = _hits(tasks, outputs)
    frozen = frozen_states(stages[-1], seed, n_tasks, length, progress)
    grown = {name: gains(hits) for name, hits in right.items()}
    return _claims(right, names, grown[names[-1]], frozen), {
        "curves": {name: hits.reshape(n_tasks, -1, _WINDOW).mean((0, 2)).round(4).tolist() for name, hits in right.items()},
        "window": _WINDOW,
        "gains": {name: dict(zip(("mean", "interval", "tasks"), spread(gain), strict=True)) for name, gain in grown.items()},
        "frozen": {name: float(accuracies.mean()) for name, accuracies in frozen.items()},
        "digits_frozen": _what_helps(seed, digits_rows, progress),
    }


def long_episodes(
    learners: dict[str, np.ndarray], seed: int, n_tasks: int, length: int, progress: Progress = lambda *step: None
) -> dict[str, np.ndarray]:
    """Return by learner whether each row of each task was predicted before it was learnt from, bool (n_tasks, length)."""
    tasks, right = _draw(seed, n_tasks, length), {}
    for name, values in learners.items():
        progress("long episodes", len(right), len(learners))
        right[name] = _hits(tasks, [one.logits for one in stream([values] * n_tasks, tasks)])
    progress("long episodes", len(learners), len(learners))
    return right


def gains(hits: np.ndarray) -> np.ndarray:
    """Return by task what its last tenth of rows is ahead of its second, of hits (n_tasks, length)."""
    tenth = hits.shape[1] // 10
    return hits[:, -tenth:].mean(1) - hits[:, tenth : 2 * tenth].mean(1)


def _draw(seed: int, n_tasks: int, length: int) -> list[Task]:
    rng = make_rng(seed, "vsml", "horizon")
    return [draw_task(rng, length) for _ in range(n_tasks)]


def _hits(tasks: list[Task], outputs: list[np.ndarray]) -> np.ndarray:
    """Return whether each row of each task was predicted before it was learnt from, (n_tasks, length)."""
    return np.array([out.argmax(1) == task.Y.argmax(1) for task, out in zip(tasks, outputs, strict=True)])


def _claims(right: dict[str, np.ndarray], names: list[str], growth: np.ndarray, frozen: dict[str, np.ndarray]) -> list[Claim]:
    length = right[names[-1]].shape[1]
    tenth = length // 10
    late = {name: right[name][:, -tenth:].mean(1) for name in names}
    few, some, many = (f"mean state, {rows} rows" for rows in _frozen_after(length))
    what = f"online accuracy over rows {length - tenth + 1} to {length} less that over rows {tenth + 1} to {2 * tenth}"
    longest = [stage.length for stage in CURRICULUM].index(1500)
    return [
        at_least(f"{what}: it goes on learning", growth, 0, ", as the paper has it of gradient descent; its own saturates"),
        at_least(f"{what}: it does not unlearn", growth, -0.01),
        ahead(f"accuracy of the averaged state, frozen after {some[12:]} and {few[12:]}", frozen[some], frozen[few]),
        at_least(
            f"accuracy of the averaged state, frozen after {many[12:]} and {some[12:]}: it does not unlearn",
            frozen[many] - frozen[some],
            -0.01,
        ),
        ahead(f"accuracy of the averaged state less the last, {few[12:]}", frozen[few], frozen[few.replace("mean", "last")]),
        ahead(f"late accuracy, the curriculum less its first stage, {names[0][12:]}", late[names[-1]], late[names[0]]),
        ahead("late accuracy, the curriculum less itself without long episodes", late[names[-1]], late[names[longest - 1]]),
    ]


def _frozen_after(length: int) -> tuple[int, int, int]:
    """Return after how many rows states are frozen, for episodes of `length`; the last fifth judges."""
    return length // 10, 3 * length // 10, 8 * length // 10


def frozen_states(
    values: np.ndarray, seed: int, n_tasks: int, length: int, progress: Progress = lambda *step: None
) -> dict[str, np.ndarray]:
    """Accuracies (n_tasks,) on each task's last fifth of states frozen before it: the last state, and the later half's mean.

    The tasks are those of `long_episodes`; names of states end with the rows after which they are frozen.
    """
    tasks, found = _draw(seed, n_tasks, length), {}
    judged = length // 5
    for done, rows in enumerate(_frozen_after(length)):
        progress("averaged states", done, 3)
        heads = [Task(task.X[:rows], task.Y[:rows], task.state) for task in tasks]
        scores = []
        for task, states in zip(tasks, stream_and_average([values] * len(tasks), heads), strict=True):
            outputs = predict(values, task.X[-judged:], task.Y.shape[1], states)
            scores.append([(out.argmax(1) == task.Y[-judged:].argmax(1)).mean() for out in outputs])
        found[f"last state, {rows} rows"], found[f"mean state, {rows} rows"] = np.array(scores).T
    progress("averaged states", 3, 3)
    return found


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
    """Return claims and numbers of meta-training from scratch by the antithetic evolution strategy, in five runs."""
    losses = []
    for run in range(FEWEST_RUNS):

        def callback(state: MetaState, run: int = run) -> None:
            progress("evolution strategy", run * steps + state.step, FEWEST_RUNS * steps)

        own_seed = FEWEST_RUNS * seed + run
        losses.append(meta_train_by_evolution(own_seed, steps, n_pairs, length, callback=callback).losses)
    tail, curves = max(1, steps // 10), np.array(losses)
    falls = curves[:, :tail].mean(1), curves[:, -tail:].mean(1)
    claim = ahead("evolution strategy from scratch: loss relative to chance, beginning less end", *falls)
    mean = curves.mean(0)
    return [claim], {"losses": [round(float(loss), 4) for loss in mean], "members": 2 * n_pairs, "length": length}

"""Second part of the native study: meta-trained on synthetic tasks, learning real data sets faster than gradient descent."""

from collections.abc import Callable
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.methods.claims import ahead
from propneat.methods.contract import Claim
from propneat.methods.vsml.episodes import Task, predict, stream
from propneat.methods.vsml.meta_rnn import meta_train_rnn, stream_rnn
from propneat.methods.vsml.online import RULES, learn_linear
from propneat.methods.vsml.parameters import MetaParameters
from propneat.methods.vsml.real_data import DATA_SETS, MNIST, Split, as_task, make_split

__all__ = ["FIRST", "control_study", "label_leak", "mnist_study", "transfer_study"]

Progress = Callable[[str, int, int], None]
FIRST = 60
"""Examples of the beginning that learners are compared on."""
_RATES = {"SGD": (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0), "Adam": (0.003, 0.01, 0.03, 0.1, 0.3)}


def label_leak(values: np.ndarray, task: Task, row: int) -> tuple[float, float]:
    """Return how much outputs up to `row`, and after it, change at most when the label of `row` does."""
    Y = task.Y.copy()
    Y[row] = np.roll(Y[row], 1)
    before, after = (one.logits for one in stream([values, values], [task, Task(task.X, Y, task.state)]))
    change = np.abs(before - after)
    return float(change[: row + 1].max()), float(change[row + 1 :].max())


def _of_vsml(values: np.ndarray, split: Split, n_starts: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Which rows were predicted rightly, mean over random first states (n_rows,), and mean frozen test accuracy."""
    tasks = [as_task(split, None, rng) for _ in range(n_starts)]
    streams = stream([values] * n_starts, tasks)
    right = np.mean([one.logits.argmax(1) == split.labels for one in streams], axis=0)
    outputs = predict(values, split.X_test, split.n_classes, [one.state for one in streams])
    return right, float(np.mean([split.accuracy(one) for one in outputs]))


def _of_rule(rule: str, split: Split, rate: float) -> tuple[np.ndarray, float]:
    weights, outputs = learn_linear(rule, rate, split.X, split.Y)
    return outputs.argmax(1) == split.labels, split.accuracy(split.X_test @ weights[:-1] + weights[-1])


def _study_data_set(name: str, values: np.ndarray, repeats: int, seed: int) -> dict[str, Any]:
    """Accuracies of all learners on one data set: over the first rows, frozen after all rows, and row by row."""
    rows: dict[str, list[tuple[np.ndarray, float]]] = {"VSML": [], **{rule: [] for rule in RULES}}
    tuned: dict[str, np.ndarray] = {rule: np.zeros(len(_RATES[rule])) for rule in RULES}
    majority = []
    for repeat in range(repeats):
        split = make_split(name, repeat, seed)
        rows["VSML"].append(_of_vsml(values, split, 4, make_rng(seed, "vsml", "transfer", name, repeat)))
        for rule, rate in RULES.items():
            rows[rule].append(_of_rule(rule, split, rate))
            tuned[rule] += [_of_rule(rule, split, other)[0][:FIRST].mean() / repeats for other in _RATES[rule]]
        majority.append(np.bincount(split.labels).max() / len(split.labels))
    return {
        "first": {learner: float(np.mean([right[:FIRST].mean() for right, _ in found])) for learner, found in rows.items()},
        "first_by_repeat": {learner: [float(right[:FIRST].mean()) for right, _ in found] for learner, found in rows.items()},
        "frozen": {learner: float(np.mean([accuracy for _, accuracy in found])) for learner, found in rows.items()},
        "curve": {learner: np.mean([right for right, _ in found], axis=0).round(4).tolist() for learner, found in rows.items()},
        "best_rate_in_hindsight": {
            rule: {"rate": _RATES[rule][int(scores.argmax())], "first": float(scores.max())} for rule, scores in tuned.items()
        },
        "majority": float(np.mean(majority)),
    }


def transfer_study(
    parameters: MetaParameters, seed: int, repeats: int, progress: Progress
) -> tuple[list[Claim], dict[str, Any]]:
    """Return claims and numbers of the meta-trained learner beside online SGD and Adam on data it has never seen."""
    values, data = parameters.values, {}
    kept = values.copy()
    for done, name in enumerate(DATA_SETS):
        progress("unseen data sets", done, len(DATA_SETS))
        data[name] = _study_data_set(name, values, repeats, seed)
    progress("unseen data sets", len(DATA_SETS), len(DATA_SETS))
    leads = [_leads(one["first_by_repeat"]) for one in data.values()]
    harder = sum(
        one["first"]["VSML"] > max(found["first"] for found in one["best_rate_in_hindsight"].values()) for one in data.values()
    )
    task = as_task(make_split("wine", 0, seed), FIRST, make_rng(seed, "vsml", "leak"))
    leak, effect = label_leak(values, task, FIRST // 2)
    claims = [
        Claim(
            "parameters shared by all weight positions",
            "2,416 for any number of inputs and classes",
            len(values),
            len(values) == 2416,
        ),
        Claim(
            f"data sets of 4 ahead of online SGD and Adam over the first {FIRST} examples",
            f"3 or more, each by two standard errors of {repeats} divisions",
            sum(leads),
            sum(leads) >= 3,
            n_runs=repeats,
        ),
        Claim("change of outputs before a label that was changed", "exactly 0, and more after", leak, leak == 0 < effect),
        Claim("change of the meta-parameters while learning real data", "exactly 0", *_unchanged(values, kept)),
    ]
    return claims, {"data_sets": data, "ahead_of_best_rates_in_hindsight": harder, "effect_of_a_changed_label": effect}


def mnist_study(parameters: MetaParameters, seed: int, repeats: int, progress: Progress) -> tuple[list[Claim], dict[str, Any]]:
    """Return claims and numbers of MNIST, all 784 pixels to 10 classes, beside online SGD and Adam."""
    progress(MNIST, 0, 1)
    found = _study_data_set(MNIST, parameters.values, repeats, seed)
    progress(MNIST, 1, 1)
    first, frozen = found["first_by_repeat"], found["frozen"]
    what = f"MNIST: accuracy over the first {FIRST} examples, VSML less online"
    note = "; frozen after all rows {:.3f} and {:.3f}"
    claims = [ahead(f"{what} {rule}", first["VSML"], first[rule], note.format(frozen["VSML"], frozen[rule])) for rule in RULES]
    return claims, found


def _leads(accuracies: dict[str, list[float]]) -> bool:
    """Say whether VSML is ahead of every rule by two standard errors over the divisions of a data set."""
    return all(ahead(rule, accuracies["VSML"], accuracies[rule]).holds for rule in RULES)


def _unchanged(values: np.ndarray, kept: np.ndarray) -> tuple[float, bool]:
    change = float(np.abs(values - kept).max())
    return change, change == 0


def control_study(
    transfer: dict[str, Any], seed: int, repeats: int, steps: int, n_tasks: int, progress: Progress
) -> tuple[list[Claim], dict[str, Any]]:
    """Return claims and numbers of the Meta-RNN, meta-trained as VSML's first stage is, on the same data sets.

    `transfer` holds the numbers of `transfer_study` by data set, to compare with.
    """
    losses: list[float] = []

    def callback(step: int, loss: float) -> None:
        losses.append(loss)
        progress("Meta-RNN", step, steps)

    network = meta_train_rnn(seed, steps, n_tasks, FIRST, callback)
    first, by_repeat = {}, {}
    for name in DATA_SETS:
        splits = [make_split(name, repeat, seed) for repeat in range(repeats)]
        tasks = [as_task(split, FIRST, make_rng(seed, "vsml", "control")) for split in splits]
        outputs = stream_rnn(network, tasks)
        by_repeat[name] = [(out.argmax(1) == s.labels[:FIRST]).mean() for out, s in zip(outputs, splits, strict=True)]
        first[name] = float(np.mean(by_repeat[name]))
    gains = {
        learner: float(np.mean([found - transfer[name]["majority"] for name, found in accuracy.items()]))
        for learner, accuracy in (("Meta-RNN", first), ("VSML", {name: transfer[name]["first"]["VSML"] for name in DATA_SETS}))
    }
    behind = sum(ahead(name, transfer[name]["first_by_repeat"]["VSML"], by_repeat[name]).holds for name in DATA_SETS)
    gain = gains["Meta-RNN"]
    expected = f"4, each by two standard errors of {repeats} divisions"
    claims = [
        Claim("Meta-RNN: data sets of 4 on which it stays behind VSML", expected, behind, behind == 4, n_runs=repeats),
        Claim("Meta-RNN: accuracy over the first examples beyond always the commonest class", "at most 0.1", gain, gain <= 0.1),
    ]
    return claims, {"first": first, "mean_gain_over_majority": gains, "meta_losses": [round(loss, 4) for loss in losses]}

"""What networks learn: recurrent, feed-forward and frozen, by the rule with and without terms, and by BPTT."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.data.split import split_rows
from propneat.methods.spike_train.bptt import bptt_learner
from propneat.methods.spike_train.connectivity import random_connections
from propneat.methods.spike_train.encoding import bernoulli_trains, regular_trains
from propneat.methods.spike_train.network import Network, calibrate, make_layer, run_network
from propneat.methods.spike_train.neuron import Neuron
from propneat.methods.spike_train.rule import Rule
from propneat.methods.spike_train.tasks import Rates
from propneat.methods.spike_train.training import Learner, Settings, Targets, Trainer, rule_learner, scores

__all__ = ["ARMS", "Arm", "LearningPlan", "first_network", "hidden_raster", "learn"]

_TEST_SHARE = 0.3
_TYPICAL = 64


@dataclass(frozen=True)
class Arm:
    """A kind of network and what it learns by."""

    learner: Callable[[], Learner]
    is_recurrent: bool = True
    is_frozen: bool = False


ARMS: Mapping[str, Arm] = {
    "recurrent": Arm(lambda: rule_learner(Rule())),
    "recurrent, direct weights": Arm(lambda: rule_learner(Rule(weight_path="direct"))),
    "recurrent, no compensation": Arm(lambda: rule_learner(Rule(compensates=False))),
    "recurrent, frozen": Arm(lambda: rule_learner(Rule()), is_frozen=True),
    "feed-forward": Arm(lambda: rule_learner(Rule()), is_recurrent=False),
    "recurrent, BPTT": Arm(bptt_learner),
}


@dataclass(frozen=True)
class LearningPlan:
    """How a task is learnt; the settings are the same for every arm."""

    n_steps: int
    n_cells: int = 100
    n_epochs: int = 12
    batch_size: int = 32
    neuron: Neuron = field(default_factory=Neuron)
    threshold: float = 3.0
    density: float = 0.3
    recurrent_scale: float = 0.3
    hidden_count: float | None = 8.0
    """Mean count that the first weights of the hidden layer are scaled to, and the outputs' to their targets'; None to take
    weights as drawn."""
    targets: Targets = field(default_factory=lambda: Targets(10.0, 1.0, 1.0))
    is_noisy: bool = True
    """Whether trains are Bernoulli, drawn anew for every epoch, or even."""


def learn(
    task: Rates, arm_name: str, plan: LearningPlan, identity: tuple[int | str, ...], progress: Callable[[int], None]
) -> dict[str, Any]:
    """Train one network on 70 % of a task's rows and return plain values.

    "accuracy" on the other rows after every epoch; at the end, of hidden cells, the "mean_count", the "silent_share" of pairs
    of a cell and a row, and the "dead_share" of cells that fire for no row. The division, the first weights, the trains and
    the order of rows follow from `identity`, the same for every arm. Nothing is chosen by these accuracies: the last is the
    result.
    """
    arm = ARMS[arm_name]
    learn_rows, test_rows = split_rows(task.labels, _TEST_SHARE, True, make_rng("st-rsbp split", *identity))
    train, test = task.chosen(learn_rows), task.chosen(test_rows)
    network = first_network(train, arm, plan, identity)
    rng = make_rng("st-rsbp epochs", *identity)
    tests = _encode(test.rates, plan, make_rng("st-rsbp tests", *identity))
    trainer = Trainer(network, arm.learner(), Settings(plan.targets, batch_size=plan.batch_size), len(learn_rows))
    accuracy = []
    for epoch in range(plan.n_epochs):
        order, train_rng = rng.permutation(len(learn_rows)), make_rng("st-rsbp trains", *identity, epoch)

        def encode(rows: np.ndarray, train_rng: np.random.Generator = train_rng) -> np.ndarray:
            return _encode(train.rates[rows], plan, train_rng)

        for first in range(0, len(order), 10 * plan.batch_size):
            part = order[first : first + 10 * plan.batch_size]
            trainer.meet(encode, train.labels, part)
            progress(epoch)
        trainer.end_epoch()
        activity = run_network(network, tests)
        accuracy.append(float((scores(activity).argmax(axis=1) == test.labels).mean()))
        progress(epoch + 1)
    hidden = activity.trains[1].sum(axis=1)
    return {
        "accuracy": accuracy,
        "silent_share": float((hidden == 0).mean()),
        "dead_share": float((hidden == 0).all(axis=0).mean()),
        "mean_count": float(hidden.mean()),
    }


def first_network(train: Rates, arm: Arm, plan: LearningPlan, identity: tuple[int | str, ...]) -> Network:
    """Return the network that an arm begins with; of the training rows, the first 64 set the scale of weights."""
    rng = make_rng("st-rsbp network", *identity)
    n_outputs = int(train.labels.max()) + 1
    connected = random_connections(plan.n_cells, plan.density, rng)
    hidden = make_layer(train.rates.shape[2], plan.n_cells, plan.threshold, rng, connected, plan.recurrent_scale)
    hidden = replace(hidden, trains_recurrent=not arm.is_frozen)
    if not arm.is_recurrent:
        hidden = replace(hidden, recurrent=None, connected=None)
    layers = hidden, make_layer(plan.n_cells, n_outputs, plan.threshold, rng)
    if plan.hidden_count is None:
        return Network(layers, plan.neuron)
    typical = _encode(train.rates[:_TYPICAL], plan, make_rng("st-rsbp typical", *identity))
    wanted = plan.targets.low + (plan.targets.high - plan.targets.low) / n_outputs
    return calibrate(layers, plan.neuron, typical, (plan.hidden_count, wanted))


def hidden_raster(task: Rates, plan: LearningPlan, seed: int) -> dict[str, Any]:
    """Return the trains of one row as plain values, lists of (step, cell): its inputs, and a recurrent network's before
    training, hidden and output."""
    network = first_network(task, ARMS["recurrent"], plan, ("raster", seed))
    activity = run_network(network, _encode(task.rates[:1], plan, make_rng("st-rsbp raster", seed)))
    names = ("inputs", "hidden", "outputs")
    return {name: np.argwhere(trains[0]).tolist() for name, trains in zip(names, activity.trains, strict=True)}


def _encode(rates: np.ndarray, plan: LearningPlan, rng: np.random.Generator) -> np.ndarray:
    return bernoulli_trains(rates, plan.n_steps, rng) if plan.is_noisy else regular_trains(rates, plan.n_steps)

"""The experiments behind the native study: learning curves on delayed XOR, gradient alignment, digits row by row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from propneat.base.rng import make_rng
from propneat.methods.modprop.network import Network, make_cells, make_network
from propneat.methods.modprop.online import online_gradients
from propneat.methods.modprop.rules import RULES, Rule, make_feedback, make_rule, tap_radius
from propneat.methods.modprop.tasks import DelayedXor, Sequences
from propneat.methods.modprop.training import StepSettings, Trainer, last_step_losses, last_step_outputs, rule_gradients

__all__ = ["ALIGNED", "XorPlan", "online_gap", "run_xor", "sequence_accuracy"]

ALIGNED: dict[str, Rule] = {
    **{name: rule for name, rule in RULES.items() if name != "bptt"},
    **{
        f"{name}, mu {slope}": make_rule(name, slope)
        for slope in (0.1, 0.5, 1.0)
        for name in ("modprop-cells", "modprop-types")
    },
}
"""The rules whose gradients are compared with BPTT's, the slope 0.25 unless it is named."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class XorPlan:
    """How delayed XOR is learnt; the defaults are the released code's apart from steps, training and first readout weights."""

    task: DelayedXor = DelayedXor()
    n_seeds: int = 10
    n_updates: int = 640
    n_cells: int = 120
    tau_ms: float = 100.0
    batch_size: int = 32
    check_every: int = 20
    align_every: int = 100
    n_test: int = 128
    readout: str = "unit"


def run_xor(rule_name: str, plan: XorPlan, seed: int, progress: Progress, device: str = "cpu") -> dict[str, Any]:
    """Train one network per seed side by side and return its curves as plain values, lists of (check, seed).

    `loss` in nats and `accuracy` are those of test trials, the same for every rule, at the update numbers `updates`, and
    `tap_radius` is the spectral radius of the rule's taps. For "bptt" also, at `aligned_updates`: `alignment`, the cosine with
    BPTT's of the gradient of W by every rule of `ALIGNED`, and `far_share`, for type-averaged ModProp the norm of what came
    over two and more synapses as a share of the norm of all.
    """

    def rngs(use: str) -> list[np.random.Generator]:
        return [make_rng("modprop xor", seed, k, use) for k in range(plan.n_seeds)]

    leak = float(np.exp(-plan.task.step_ms / plan.tau_ms))
    network = make_network(rngs("network"), make_cells(plan.n_cells), 2, 2, leak, device=device, readout=plan.readout)
    trainer = Trainer(network, make_rule(rule_name), StepSettings())
    batch_rngs = rngs("batches")
    test = _draw(plan.task, rngs("test"), plan.n_test, device)
    parts = ("updates", "loss", "accuracy", "tap_radius", "aligned_updates", "alignment", "far_share")
    found: dict[str, Any] = {part: [] for part in parts}
    for update in range(plan.n_updates + 1):
        if update % plan.check_every == 0:
            loss, accuracy = _judge(network, *test)
            feedback = make_feedback(trainer.rule, network.weights(), network.cells)
            for name, value in (("loss", loss), ("accuracy", accuracy), ("tap_radius", tap_radius(feedback, network.leak))):
                found[name].append(value.tolist())
            found["updates"].append(update)
        if rule_name == "bptt" and update % plan.align_every == 0:
            found["aligned_updates"].append(update)
            found["alignment"].append(_alignment(network, *test))
            found["far_share"].append(_far_share(network, *test))
        if update < plan.n_updates:
            trainer.step(*_draw(plan.task, batch_rngs, plan.batch_size, device))
        progress(update + 1, plan.n_updates + 1)
    return found


def _draw(task: DelayedXor, rngs: list[np.random.Generator], n_trials: int, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    return _stack([task.draw(rng, n_trials) for rng in rngs], device)


def _stack(parts: list[Sequences], device: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return inputs (n_replicas, n_steps, n_rows, n_inputs) and labels (n_replicas, n_rows)."""
    arrays = (np.stack([part.inputs for part in parts]), np.stack([part.labels for part in parts]))
    return tuple(torch.from_numpy(array).to(device) for array in arrays)


def _judge(network: Network, inputs: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return cross entropy in nats and accuracy of every replica."""
    outputs = last_step_outputs(network, inputs)
    losses = torch.nn.functional.cross_entropy(outputs.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    return losses.mean(dim=1), (outputs.argmax(dim=2) == labels).double().mean(dim=1)


def _alignment(network: Network, inputs: torch.Tensor, labels: torch.Tensor) -> dict[str, list[float]]:
    exact = rule_gradients(network, inputs, labels, RULES["bptt"])
    return {name: _cosines(rule_gradients(network, inputs, labels, rule), exact) for name, rule in ALIGNED.items()}


def _cosines(first: torch.Tensor, second: torch.Tensor) -> list[float]:
    return torch.nn.functional.cosine_similarity(first.flatten(1).double(), second.flatten(1).double(), dim=1).tolist()


def _far_share(network: Network, inputs: torch.Tensor, labels: torch.Tensor) -> list[float]:
    every, near = (rule_gradients(network, inputs, labels, Rule("types", n_hops=n)).flatten(1).double() for n in (None, 1))
    return ((every - near).norm(dim=1) / every.norm(dim=1)).tolist()


def sequence_accuracy(
    rule: Rule,
    draw: Callable[[np.random.Generator], tuple[Sequences, Sequences]],
    n_seeds: int,
    n_epochs: int,
    seed: int,
    progress: Progress,
    n_cells: int = 64,
    batch_size: int = 32,
    device: str = "cpu",
) -> list[float]:
    """Return the test accuracy of one network per seed, each on its own draw of training and test sequences."""
    splits = [draw(make_rng("modprop digits", seed, k, "split")) for k in range(n_seeds)]
    n_inputs, n_classes = splits[0][0].inputs.shape[2], int(splits[0][0].labels.max()) + 1
    rngs = [make_rng("modprop digits", seed, k, "network") for k in range(n_seeds)]
    network = make_network(rngs, make_cells(n_cells), n_inputs, n_classes, 0.5, device=device)
    trainer = Trainer(network, rule, StepSettings(learning_rate=2e-3, decay=1.0, l2=0.0, shrink=0.0, clip=1.0))
    orders = [make_rng("modprop digits", seed, k, "order") for k in range(n_seeds)]
    n_rows = len(splits[0][0].labels)
    n_batches = n_rows // batch_size
    for epoch in range(n_epochs):
        order = [rng.permutation(n_rows) for rng in orders]
        for k in range(n_batches):
            chosen = [part[k * batch_size : (k + 1) * batch_size] for part in order]
            batch = [
                Sequences(train.inputs[:, rows], train.labels[rows]) for (train, _), rows in zip(splits, chosen, strict=True)
            ]
            trainer.step(*_stack(batch, device))
            progress(epoch * n_batches + k + 1, n_epochs * n_batches)
    return _judge(network, *_stack([test for _, test in splits], device))[1].tolist()


def online_gap(seed: int, n_steps: int = 15, n_cells: int = 12) -> dict[str, list[float]]:
    """Return how far the online form is from the autograd form with all hops, for orders of traces from 0 to n_steps - 1.

    For every rule with any number of hops: the largest difference in the gradient of W over the gradient's largest entry, in
    double precision, on a small network with random inputs and labels.
    """
    rng = make_rng("modprop online", seed)
    network = make_network([rng], make_cells(n_cells), 3, 2, float(np.exp(-0.1)), torch.float64)
    inputs, labels = torch.as_tensor(rng.standard_normal((1, n_steps, 8, 3))), torch.as_tensor(rng.integers(0, 2, (1, 8)))

    def error(t: int, outputs: torch.Tensor) -> torch.Tensor:
        asked = t == n_steps - 1
        return asked * (torch.softmax(outputs, -1) - torch.nn.functional.one_hot(labels, 2)) / labels.shape[1]

    gaps = {}
    for name, rule in RULES.items():
        if not rule.is_causal or rule.n_hops is not None:
            continue
        with torch.enable_grad():
            weights = network.weights()
            feedback = make_feedback(rule, weights, network.cells)
            whole = torch.autograd.grad(last_step_losses(network, inputs, labels, feedback).sum(), network.strengths)[0]
        to_strengths = torch.sign(weights.detach())
        online = [
            online_gradients(network, inputs, error, feedback, n_hops).weights * to_strengths for n_hops in range(n_steps)
        ]
        gaps[name] = [float((part - whole).abs().max() / whole.abs().max()) for part in online]
    return gaps

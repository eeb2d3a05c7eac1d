"""The native study: gradients by rates against BPTT, what a training step costs by the number of steps, and accuracy."""

from dataclasses import dataclass, field

from threadpoolctl import threadpool_limits

from propneat.methods.contract import NativeOutcome, NativeRun
from propneat.methods.device import check_device
from propneat.methods.rate_backprop.accuracy_study import AccuracyPlan, accuracy_claims, accuracy_study, real_study
from propneat.methods.rate_backprop.cost_study import CostPlan, cost_claims, cost_study
from propneat.methods.rate_backprop.figures import draw_accuracy, draw_costs, draw_gradients
from propneat.methods.rate_backprop.gradient_study import gradient_claims, gradient_study

__all__ = ["StudySize", "run", "run_sized"]


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    n_gradient_seeds: int = 5
    cost: CostPlan = field(default_factory=CostPlan)
    accuracy: AccuracyPlan = field(default_factory=AccuracyPlan)


_FULL = StudySize(
    10,
    CostPlan((1, 2, 4, 8, 16, 32, 64), n_repeats=25),
    AccuracyPlan(image_folds_used=5, image_steps=(2, 4, 6), image_epochs=60, n_bar_seeds=10, bar_epochs=12, n_bar_train=4000),
)
"""The paper's numbers of steps; its networks and data sets (ResNet-18 on CIFAR and larger) are out of reach."""


def run(request: NativeRun, real: bool = False) -> NativeOutcome:
    """Run the study, on the request's device.

    Departures from the paper: digits stand in for CIFAR and moving bars for CIFAR10-DVS, networks have three to five spiking
    layers. All runs on one thread of the processor, so that all but times are the same for the same seed. Raises ConfigError
    for a device that torch cannot use. With `real`, accuracies on MNIST and on the speech of nine speakers, alone.
    """
    if real:
        check_device(request.device, "float64")
        with threadpool_limits(1, "openmp"):
            found = real_study(request.seed, request.device, request.progress)
        return NativeOutcome(tuple(accuracy_claims(found)), (), found)
    return run_sized(request, _FULL if request.full else StudySize())


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    check_device(request.device, "float64")
    seed, device, progress = request.seed, request.device, request.progress
    with threadpool_limits(1, "openmp"):
        gradients = request.part("gradients", lambda: gradient_study(seed, size.n_gradient_seeds, device, progress))
        costs = request.part("costs", lambda: cost_study(size.cost, seed, device, progress))
        accuracy = request.part("accuracy", lambda: accuracy_study(size.accuracy, seed, device, progress))
    figures = {
        "rate_backprop_gradients.png": lambda path: draw_gradients(path, gradients, accuracy),
        "rate_backprop_costs.png": lambda path: draw_costs(path, costs),
        "rate_backprop_accuracy.png": lambda path: draw_accuracy(path, accuracy),
    }
    for name, draw in figures.items():
        draw(request.folder / name)
    claims = (*gradient_claims(gradients), *cost_claims(costs), *accuracy_claims(accuracy))
    return NativeOutcome(claims, tuple(figures), {"gradients": gradients, "costs": costs, "accuracy": accuracy})

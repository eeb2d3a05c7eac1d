"""PropNEAT and the arms it is compared with: one estimator, several settings."""

from typing import Any

from propneat.methods.contract import ANY_TASK, Method, NativeStudy, Size
from propneat.model.summary import n_nodes

__all__ = ["EVOLVED", "NATIVE", "QUICK", "make_propneat", "size_of_genome"]

QUICK = {"generations": 2, "populations": 1, "population_size": 200, "epochs": 1, "fine_tune_epochs": 1, "prune_epochs": 1}
"""Options of a fit that takes every step, tables that grow included, and little time."""

_PAPER = "Merry, Riddle, Warren 2025 (arXiv 2411.03726)"


def make_propneat(random_state: int | None = None, **options: Any) -> Any:
    """Return a PropNEATClassifier; `options` are its parameters."""
    from propneat.estimators import PropNEATClassifier

    return PropNEATClassifier(random_state=random_state, **options)


def make_regressor(random_state: int | None = None, **options: Any) -> Any:
    """Return a PropNEATRegressor; `options` are its parameters."""
    from propneat.estimators import PropNEATRegressor

    return PropNEATRegressor(random_state=random_state, **options)


def size_of_genome(estimator: Any) -> Size:
    """Count the champion's weights and biases that reach an output, its layers, and the nodes of its formula."""
    plan, scale = estimator.model_.plan, estimator.model_.target_scale
    nodes = n_nodes(estimator.champion_, scale is not None and scale.log)
    return Size(plan.n_edges + plan.n_slots - plan.n_inputs, plan.n_layers, nodes)


def _seconds_of_one(n_rows: int, n_features: int, n_classes: int) -> float:
    return 1.0 + 5.0e-7 * n_rows * (n_features + 50) * (n_classes if n_classes > 2 else 1)


def _seconds(n_rows: int, n_features: int, n_classes: int) -> float:
    return 4 * _seconds_of_one(n_rows, n_features, n_classes)


def _arm(
    name: str,
    summary: str,
    cost: str,
    *,
    seconds: Any = _seconds,
    paper: str = _PAPER,
    quick: Any = QUICK,
    is_core: bool = False,
    **options: Any,
) -> Method:
    return Method(
        name,
        summary,
        make_propneat,
        cost,
        paper,
        tasks=ANY_TASK,
        options=options,
        size=size_of_genome,
        seconds=seconds,
        quick=quick,
        is_core=is_core,
        needs=() if options.get("engine", "numba") == "numba" else ("torch",),
        make_regressor=make_regressor,
    )


EVOLVED = (
    _arm(
        "propneat",
        "four populations, weights trained by backpropagation and inherited, that teach one small network",
        "four populations of 150 for 50 generations, each network trained for 20 epochs in each, in compiled code",
        quick={**QUICK, "populations": 2},
        is_core=True,
    ),
    _arm(
        "propneat-single",
        "as propneat, but one population, whose best network is the answer",
        "a quarter of propneat's",
        seconds=_seconds_of_one,
        populations=1,
    ),
    _arm(
        "propneat-no-writeback",
        "as propneat-single, but offspring inherit untrained weights (training only decides who is fit)",
        "as propneat-single",
        seconds=_seconds_of_one,
        populations=1,
        write_back=False,
    ),
    _arm(
        "propneat-retrain",
        "as propneat-single, the champion's layers then filled to a dense network and trained anew",
        "as propneat-single",
        seconds=_seconds_of_one,
        populations=1,
        retrain=True,
    ),
    _arm(
        "naive-backprop",
        "as propneat-single, with gradients computed node by node in torch",
        "about a hundred times propneat-single's, for the same result up to rounding",
        seconds=lambda n_rows, n_features, n_classes: 600 * _seconds_of_one(n_rows, n_features, n_classes),
        quick={**QUICK, "population_size": 3},
        populations=1,
        engine="naive",
    ),
    _arm(
        "neat",
        "the original: topology and weights by mutation and crossover alone, 500 generations",
        "500 generations without gradients, a few times propneat's",
        seconds=lambda n_rows, n_features, n_classes: 10 * _seconds_of_one(n_rows, n_features, n_classes),
        paper="Stanley, Miikkulainen 2002 (Evolutionary Computation 10:2)",
        method="neat",
    ),
)
"""Every arm that evolves."""

NATIVE = NativeStudy(
    name="propneat",
    summary="Trained numbers in their genes, time by depth, sizes of champions, and the paper's ranking of methods",
    paper=_PAPER,
    home="propneat.benchmark.paper.native:run",
    is_cpu_only=True,
)

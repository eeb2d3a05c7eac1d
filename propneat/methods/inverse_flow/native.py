"""The native study: the solver beside plain ways, flows of digits in both directions, deblurring, and classification."""

from dataclasses import dataclass, field
from functools import partial

from threadpoolctl import threadpool_limits

from propneat.data.real_sets import mnist
from propneat.methods.claims import FEWEST_RUNS
from propneat.methods.contract import NativeOutcome, NativeRun
from propneat.methods.device import check_device
from propneat.methods.inverse_flow.algorithm_study import AlgorithmPlan, algorithm_claims, algorithm_study
from propneat.methods.inverse_flow.deblur_study import DeblurPlan, deblur_claims, deblur_study
from propneat.methods.inverse_flow.drawn_study import DrawnPlan, drawn_claims, drawn_study, mnist_claims
from propneat.methods.inverse_flow.figures import draw_classes, draw_deblurring, draw_directions, draw_samples, draw_solver
from propneat.methods.inverse_flow.flow import FlowPlan
from propneat.methods.inverse_flow.flow_study import FlowStudyPlan, flow_claims, flow_study
from propneat.methods.inverse_flow.speed_study import SpeedPlan, speed_claims, speed_study
from propneat.methods.inverse_flow.table_study import table_claims, table_study
from propneat.methods.inverse_flow.training import FlowTraining

__all__ = ["StudySize", "run", "run_sized"]


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    algorithm: AlgorithmPlan = field(default_factory=AlgorithmPlan)
    flow: FlowStudyPlan = field(default_factory=FlowStudyPlan)
    speed: SpeedPlan = field(default_factory=SpeedPlan)
    deblurring: DeblurPlan = field(default_factory=DeblurPlan)
    drawn: DrawnPlan = field(default_factory=DrawnPlan)
    n_table_folds: int = 5
    n_table_rows: int | None = None
    n_flow_runs: int = FEWEST_RUNS
    """Divisions of digits, each with noise and flows of its own."""


_FULL = StudySize(
    AlgorithmPlan((8, 16, 32, 64, 128, 256), n_repeats=15),
    FlowStudyPlan(FlowPlan(n_steps=16, width=128), FlowTraining(n_epochs=200)),
    SpeedPlan(repeats=((1, 50), (100, 15))),
    DeblurPlan(n_pairs=1000, n_updates=2000),
    DrawnPlan(n_folds=5, n_epochs=50),
    n_table_folds=10,
)
"""The paper's flow, L = 2 and K = 16, at the width it takes for CIFAR-10, on digits."""


def run(request: NativeRun, real: bool = False) -> NativeOutcome:
    """Run the study, on the request's device; the classifier of tables runs on the processor.

    Departures from the paper: digits of 8 x 8 pixels stand in for MNIST and CIFAR-10, and the plain ways to invert are this
    project's. So are bounds that neither the paper nor its closed forms give: 0.1 bits between the directions, a gain of 100,
    0.02 of accuracy. On one thread of the processor all but times are the same for the same seed. Raises ConfigError for a
    device that torch cannot use. With `real`, the classifier as drawn on 5,000 images of MNIST, alone.
    """
    if real:
        check_device(request.device, "float64")
        images, labels = mnist()
        with threadpool_limits(1, "openmp"):
            plan = DrawnPlan(n_epochs=10)
            found = drawn_study(plan, request.seed, request.device, request.progress, (images / 255, labels))
        return NativeOutcome(tuple(mnist_claims(found)), (), found)
    return run_sized(request, _FULL if request.full else StudySize())


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    check_device(request.device, "float64")
    asked = request.seed, request.device, request.progress
    with threadpool_limits(1, "openmp"):
        part = request.part
        solver = part("solver", lambda: algorithm_study(size.algorithm, *asked))
        flows = []
        for k in range(size.n_flow_runs):
            own = size.n_flow_runs * request.seed + k, request.device, request.progress_of(k, size.n_flow_runs)
            flows.append(part(f"flows {k}", partial(flow_study, size.flow, *own)))
        speed = part("speed", lambda: speed_study(size.speed, *asked[:2], partial(request.progress, "time by direction")))
        deblurring = part("deblurring", lambda: deblur_study(size.deblurring, *asked))
        drawn = part("drawn", lambda: drawn_study(size.drawn, *asked))
        tables = part("tables", lambda: table_study(size.n_table_folds, *asked[::2], size.n_table_rows))
    figures = {
        "inverse_flow_solver.png": lambda path: draw_solver(path, solver),
        "inverse_flow_samples.png": lambda path: draw_samples(path, flows[0]),
        "inverse_flow_directions.png": lambda path: draw_directions(path, flows[0], speed),
        "inverse_flow_deblurring.png": lambda path: draw_deblurring(path, deblurring),
        "inverse_flow_classes.png": lambda path: draw_classes(path, drawn, tables),
    }
    for name, draw in figures.items():
        draw(request.folder / name)
    claims = (*algorithm_claims(solver), *flow_claims(flows), *speed_claims(speed), *deblur_claims(deblurring))
    claims += (*drawn_claims(drawn), *table_claims(tables))
    data = {"solver": solver, "flows": flows, "speed": speed, "deblurring": deblurring, "drawn": drawn, "tables": tables}
    return NativeOutcome(claims, tuple(figures), data)

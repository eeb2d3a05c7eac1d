"""The native study: the plant's physics, the comparison of controllers, and the same principle on streams of rows."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from propneat.methods.contract import NativeOutcome, NativeRun
from propneat.methods.device import check_device
from propneat.methods.fusion_control.claims import control_claims, physics_claims, stream_claims
from propneat.methods.fusion_control.control_study import ControlSize, make_controllers, make_tests, run_test
from propneat.methods.fusion_control.evolved import Evolution
from propneat.methods.fusion_control.figures import draw_comparison, draw_evolution, draw_robustness, draw_trajectories
from propneat.methods.fusion_control.loop import Trajectory
from propneat.methods.fusion_control.physics_study import measure_physics
from propneat.methods.fusion_control.sheet_figures import draw_physics, draw_streams
from propneat.methods.fusion_control.stream_study import TABLES, compare_rules, drift_recovery
from propneat.methods.fusion_control.tuning import Bench, Budget
from propneat.methods.heartbeat import with_heartbeat

__all__ = ["StudySize", "measure", "run", "run_sized"]

_DRAWN = ("PID", "LQR", "neural", "evolved")


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    control: ControlSize = field(default_factory=ControlSize)
    n_folds: int = 5
    tables: tuple[str, ...] = tuple(TABLES)
    n_streams: int = 16
    n_stream_rows: int = 4800


_FULL_SIZE = StudySize(
    ControlSize(Budget(n_updates=1500), Evolution(n_generations=40, population_size=30), n_seeds=20, n_random=256),
    n_folds=10,
    n_streams=40,
)


def run(request: NativeRun) -> NativeOutcome:
    """Run the study, or with `request.full` twelve times the budgets and more seeds.

    The paper gives no plant, no controller and no number, so all of this is in its spirit: the physics is that of published
    fits, and references for the controllers are an earlier run of the same script. Nothing ignites: heating never stops, and
    Q stays below 2. Plants and controllers live on `request.device`; what is random is drawn on the CPU, and streams of
    rows are numpy's. On the CPU the plant's steps are compiled code, elsewhere torch operations with the same values. Raises
    ConfigError for a device that torch cannot use in double precision.
    """
    return run_sized(request, _FULL_SIZE if request.full else StudySize())


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    check_device(request.device, "float64")
    found = measure(request, size)
    sheet, results, streams = found["physics"], found["tests"], found["streams"]
    figures = {
        "fusion_physics.png": lambda path: draw_physics(path, sheet),
        "fusion_trajectories.png": lambda path: draw_trajectories(path, found["trajectories"], found["wanted_T_i"]),
        "fusion_comparison.png": lambda path: draw_comparison(path, results["script"]),
        "fusion_robustness.png": lambda path: draw_robustness(path, results),
        "fusion_evolution.png": lambda path: draw_evolution(path, found["tuning"]),
        "fusion_streams.png": lambda path: draw_streams(path, streams["tables"], streams["drift"]),
    }
    for name, draw in figures.items():
        draw(request.folder / name)
    claims = (*physics_claims(sheet), *control_claims(results), *stream_claims(streams["tables"], streams["drift"]))
    return NativeOutcome(claims, tuple(figures), found)


def measure(request: NativeRun, size: StudySize) -> dict[str, Any]:
    """Return all numbers of the study as plain values, the same for the same seed whatever the number of cores."""
    # products this small gain nothing from more threads, and results would vary with their number
    with threadpool_limits(1):
        physics = measure_physics(lambda done, total: request.progress("power balance", done, total))
        bench = Bench.make(request.seed, request.device)
        factories, tuning = make_controllers(bench, size.control, request.progress)
        results, paths, wanted = _test(request, bench, size, factories)
        rules = partial(request.progress, "P, PI, PID and Adam on tables")
        tables = request.part("tables", lambda: compare_rules(request.seed, size.n_folds, size.tables, rules))
        streams = partial(request.progress, "streams that change")
        drift = request.part("drift", lambda: drift_recovery(request.seed, size.n_streams, size.n_stream_rows, streams))
    return {
        "physics": physics,
        "tuning": tuning,
        "tests": results,
        "trajectories": paths,
        "wanted_T_i": wanted,
        "streams": {"tables": tables, "drift": drift},
    }


def _test(request: NativeRun, bench: Bench, size: StudySize, factories: Any) -> tuple[dict[str, Any], ...]:
    """Return test -> controller -> figures of merit, the first plant's trajectories in the script, and its T_i wanted."""
    tests = make_tests(bench, size.control)
    results: dict[str, Any] = {name: {} for name in tests}
    paths, done, total = {}, 0, len(tests) * len(factories)
    for test, (plant, scenario) in tests.items():
        for name, factory in factories.items():
            # a controller that learns in use takes a while
            tell = partial(request.progress, "tests", done, total)
            results[test][name], path = with_heartbeat(tell, partial(run_test, bench, factory, plant, scenario))
            if test == "script" and name in _DRAWN:
                paths[name] = _plain(bench, path)
            done += 1
    request.progress("tests", total, total)
    return results, paths, tests["script"][1].setpoints[:, 0, 0].tolist()


def _plain(bench: Bench, path: Trajectory) -> dict[str, list[float]]:
    """Return the first plant's course as numbers by second."""
    states = path.states[1:, 0]
    measured = bench.plant.measure(states)
    return {
        "T_i": measured[:, 0].tolist(),
        "n_B": measured[:, 3].tolist(),
        "P_i": path.controls[:, 0, 0].tolist(),
        "P_F": bench.plant.view(states).P_F.tolist(),
    }

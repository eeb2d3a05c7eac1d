"""The native study: a hidden angle found from simulated particles, what a step costs by the size of the box, and tables."""

from dataclasses import dataclass, field
from functools import partial

from propneat.methods.claims import FEWEST_RUNS
from propneat.methods.contract import NativeOutcome, NativeRun
from propneat.methods.device import check_device
from propneat.methods.sparse_fourier.claims import cost_claims, latent_claims, table_claims
from propneat.methods.sparse_fourier.cost_study import CostPlan, cost_study
from propneat.methods.sparse_fourier.figures import draw_costs, draw_fsc, draw_latent, draw_volumes
from propneat.methods.sparse_fourier.latent_study import LatentPlan, latent_study
from propneat.methods.sparse_fourier.simulation import Simulation
from propneat.methods.sparse_fourier.table_study import TablePlan, table_study

__all__ = ["StudySize", "run", "run_sized"]


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    latent: LatentPlan = field(default_factory=LatentPlan)
    cost: CostPlan = field(default_factory=CostPlan)
    table: TablePlan = field(default_factory=TablePlan)
    n_latent_runs: int = FEWEST_RUNS
    """Molecules, each with particles and a model of its own."""


_FULL = StudySize(
    LatentPlan(Simulation(n=65, n_particles=40_000), encoder_radius=12),
    CostPlan((17, 33, 65, 97, 129), n_repeats=15, largest_network_sides=(129, 97)),
    TablePlan(n_folds=5),
)


def run(request: NativeRun) -> NativeOutcome:
    """Run the study; simulation and timing are on the request's device, the tables on the processor.

    Departures from the paper: its experimental sets and their sizes are out of reach, so particles are simulated, from a truth
    that is known exactly. Raises ConfigError for a device that torch cannot use.
    """
    return run_sized(request, _FULL if request.full else StudySize())


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    check_device(request.device)
    seed, device, progress = request.seed, request.device, request.progress
    runs = []
    for k in range(size.n_latent_runs):
        own = size.n_latent_runs * seed + k, device, request.progress_of(k, size.n_latent_runs)
        study = partial(latent_study, size.latent, *own)
        if k == 0:
            # volumes are no plain numbers
            latent, volumes = study()
            runs.append(latent)
        else:
            runs.append(request.part(f"latent {k}", lambda study=study: study()[0]))
    costs = request.part("costs", lambda: cost_study(size.cost, seed, device, progress))
    tables = request.part("tables", lambda: table_study(size.table, seed, progress))
    figures = {
        "sparse_fourier_latent.png": lambda path: draw_latent(path, latent),
        "sparse_fourier_fsc.png": lambda path: draw_fsc(path, latent),
        "sparse_fourier_volumes.png": lambda path: draw_volumes(path, volumes),
        "sparse_fourier_costs.png": lambda path: draw_costs(path, costs),
    }
    for name, draw in figures.items():
        draw(request.folder / name)
    claims = (*latent_claims(runs), *cost_claims(costs), *table_claims(tables))
    return NativeOutcome(claims, tuple(figures), {"latent": runs, "costs": costs, "tables": tables})

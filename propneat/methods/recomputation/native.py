"""The native study: the paper's table, its schedules run with real tensors, and training under budgets beside torch's own."""

from dataclasses import dataclass
from typing import Any

from propneat.base.errors import ConfigError
from propneat.methods.contract import NativeOutcome, NativeRun
from propneat.methods.recomputation.architectures import PAPER_NETWORKS
from propneat.methods.recomputation.claims import (
    evolved_claims,
    execution_claims,
    path_claims,
    table_claims,
    training_claims,
)
from propneat.methods.recomputation.evolved_study import classifier_rows, evolved_rows
from propneat.methods.recomputation.execution_study import execution_table
from propneat.methods.recomputation.figures import draw_execution, draw_frontier, draw_table, draw_training
from propneat.methods.recomputation.table_study import paper_table
from propneat.methods.recomputation.training_study import training_table

__all__ = ["StudySize", "run", "run_sized"]


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    planned: tuple[str, ...] = tuple(PAPER_NETWORKS)
    n_rows: int | None = None
    """Batch size of the table, the paper's own for each network if None."""
    most_sets: int = 20_000
    """Lower sets beyond which the exact programme, whose time grows with their square, is left out."""
    executed: tuple[str, ...] = tuple(PAPER_NETWORKS)
    times_rows: int = 1
    """Rows that schedules are followed with, as a multiple of the networks' own small numbers."""
    trained: tuple[int, int, int] = (512, 128, 12)
    """Rows, width and blocks of the residual network."""
    partitioner_budgets: tuple[float, ...] = (0.5, 0.0)
    n_generations: int = 30
    n_epochs: int = 30
    shares: tuple[float, ...] = (0.5, 0.3)


_FULL = StudySize(
    most_sets=200_000, times_rows=4, trained=(2048, 256, 24), partitioner_budgets=(0.8, 0.5, 0.2, 0.0), n_generations=60
)


def run(request: NativeRun) -> NativeOutcome:
    """Run the study: the table at the paper's batches and images, schedules followed with few rows of small images.

    In full, schedules have four times the rows and the networks that are trained are larger. GoogLeNet has 27,358 lower sets,
    for which the exact programme takes more than a minute: that is run in full only. All the rest takes about 2.5 minutes.

    Source: Kusumoto et al. (2019). Departures: networks are built here from their own papers; peaks of the table are replayed,
    not measured on a GPU, and count parameters once; what the way back through an operation reads is said per operation,
    also for the vanilla peak. Bytes and times are those of the CPU: raises ConfigError for another device.
    """
    return run_sized(request, _FULL if request.full else StudySize())


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    if request.device != "cpu":
        raise ConfigError(f"the recomputation study measures the CPU's memory, not that of {request.device!r}: choose 'cpu'")
    progress, seed = request.progress, request.seed
    part = request.part
    training = part("training", lambda: training_table(size.trained, size.partitioner_budgets, seed, progress))
    evolved = part("evolved", lambda: evolved_rows(size.n_generations, size.n_epochs, seed, progress))
    classifier = part("classifier", lambda: classifier_rows(size.shares, size.n_epochs, seed, progress))
    executed = part("executed", lambda: execution_table(size.executed, size.times_rows, seed, progress))
    table = part("table", lambda: paper_table(size.planned, size.n_rows, size.most_sets, progress))
    found: dict[str, Any] = {
        "table": table,
        "executed": executed,
        "training": training,
        "evolved": evolved,
        "classifier": classifier,
    }
    figures = {
        "recomputation_table.png": lambda path: draw_table(path, table),
        "recomputation_frontier.png": lambda path: draw_frontier(path, table),
        "recomputation_executed.png": lambda path: draw_execution(path, executed),
        "recomputation_training.png": lambda path: draw_training(path, training),
    }
    for name, draw in figures.items():
        draw(request.folder / name)
    claims = (
        *path_claims(),
        *table_claims(table),
        *execution_claims(executed),
        *training_claims(training),
        *evolved_claims(evolved, classifier),
    )
    return NativeOutcome(claims, tuple(figures), found)

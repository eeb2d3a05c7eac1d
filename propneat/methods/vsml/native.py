"""The native study: cloning, learning unseen data sets with what was meta-trained on synthetic tasks, and long episodes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np

from propneat.methods.claims import FEWEST_RUNS
from propneat.methods.contract import Claim, NativeOutcome, NativeRun
from propneat.methods.vsml.clone_study import clone_claims, clone_study
from propneat.methods.vsml.figures import draw_cloning, draw_horizon, draw_meta_training, draw_transfer
from propneat.methods.vsml.horizon_study import LONGEST, evolution_study, horizon_study
from propneat.methods.vsml.meta_training import CURRICULUM
from propneat.methods.vsml.parameters import MetaParameters, load_parameters
from propneat.methods.vsml.remake import make_parameters
from propneat.methods.vsml.transfer_study import FIRST, control_study, mnist_study, transfer_study

__all__ = ["DEFAULT", "FULL", "StudySize", "run", "run_study"]


@dataclass(frozen=True)
class StudySize:
    """How much work each part of the study is."""

    n_clones: int
    """Clones of backpropagation, each taught and tried with a seed of its own."""
    clone_steps: int
    digits_rows: int | None
    """Rows of digits that the clone and the classifier learn; None for all."""
    repeats: int
    """Divisions of every real data set."""
    control_steps: int
    control_tasks: int
    horizon_tasks: int
    horizon_length: int
    evolution_steps: int
    evolution_pairs: int
    evolution_length: int


DEFAULT = StudySize(FEWEST_RUNS, 8000, None, 5, 1000, 64, 40, 5000, 200, 64, 40)
"""Within ten minutes on two cores."""
FULL = StudySize(FEWEST_RUNS, 40000, None, 32, 5000, 64, 256, 5000, 2000, 512, 60)
"""The paper's repeats, members and length of meta-test episodes; its 128 nodes for hours are out of reach."""


def run(request: NativeRun, meta_train: bool = False, real: bool = False) -> NativeOutcome:
    """Run the study with the parameters in the package.

    With `meta_train` they are first made anew by the recipe that made those in the package, with the request's seed (0 is
    the package's), into parameters.json in the request's folder, and the study runs with them; to install them, copy that
    file over propneat/methods/vsml/parameters.json. With `real`, MNIST alone.
    """
    parameters, data = load_parameters(), {}
    if meta_train:
        shipped = parameters
        parameters, path = make_parameters(request.folder, request.progress, request.seed)
        data["remade"] = {
            "file": path.name,
            "to_install": f"copy {path.name} over propneat/methods/vsml/parameters.json",
            "largest_difference_from_package": float(np.abs(parameters.values - shipped.values).max()),
        }
    if real:
        claims, data["mnist"] = mnist_study(parameters, request.seed, FEWEST_RUNS, request.progress)
        return NativeOutcome(tuple(claims), (), data)
    return run_study(request, parameters, FULL if request.full else DEFAULT, data)


def run_study(request: NativeRun, parameters: MetaParameters, size: StudySize, data: dict[str, Any]) -> NativeOutcome:
    """Run all parts at a given size; `data` is added to."""
    seed, progress = request.seed, request.progress
    claims: list[Claim] = []

    def part(name: str, study: Callable[..., Any], *arguments: Any) -> None:
        more, data[name] = request.part(name, partial(_plain, study, *arguments, progress))
        claims.extend(Claim(**{**claim, "interval": claim["interval"] and tuple(claim["interval"])}) for claim in more)

    data["cloning"] = []
    for k in range(size.n_clones):
        own = size.n_clones * seed + k, size.clone_steps, size.digits_rows, request.progress_of(k, size.n_clones)
        data["cloning"].append(request.part(f"cloning {k}", partial(clone_study, *own)))
    claims += clone_claims(data["cloning"])
    part("transfer", transfer_study, parameters, seed, size.repeats)
    transferred = data["transfer"]["data_sets"]
    part("control", control_study, transferred, seed, size.repeats, size.control_steps, size.control_tasks)
    part("horizon", horizon_study, parameters, seed, size.horizon_tasks, size.horizon_length, size.digits_rows)
    part("evolution", evolution_study, seed, size.evolution_steps, size.evolution_pairs, size.evolution_length)
    losses = {"VSML": parameters.losses, "Meta-RNN": data["control"]["meta_losses"], "evolution": data["evolution"]["losses"]}
    figures = (
        draw_cloning(data["cloning"][0], request.folder),
        draw_transfer(data["transfer"]["data_sets"], data["control"]["first"], FIRST, request.folder),
        draw_horizon(data["horizon"], LONGEST, request.folder),
        draw_meta_training(losses, np.cumsum([stage.steps for stage in CURRICULUM]).tolist(), request.folder),
    )
    return NativeOutcome(tuple(claims), figures, data)


def _plain(study: Callable[..., Any], *arguments: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the claims and the numbers of a part as plain values."""
    claims, found = study(*arguments)
    return [asdict(claim) for claim in claims], found

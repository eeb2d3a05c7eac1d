"""The native study: the rule against finite differences and BPTT, then what networks learn by it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from threadpoolctl import threadpool_limits

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.methods.contract import NativeOutcome, NativeRun
from propneat.methods.spike_train.claims import gradient_claims, learning_claims, picture_claims
from propneat.methods.spike_train.figures import draw_correlation, draw_curves, draw_raster, draw_terms
from propneat.methods.spike_train.gradient_study import directions_study, identity_gap, solve_gaps
from propneat.methods.spike_train.learning_study import LearningPlan, hidden_raster, learn
from propneat.methods.spike_train.neuron import Neuron
from propneat.methods.spike_train.tasks import Rates, Words, digit_pictures, digit_rows, spoken_vowels
from propneat.methods.spike_train.training import Targets

__all__ = ["DEFAULT", "FULL", "StudySize", "measure", "run", "run_sized"]

_LIFTS = {"active": 0.3, "half_silent": 0.0}
_PICTURE_ARMS = ("recurrent", "recurrent, direct weights", "recurrent, no compensation")
_SEQUENCE_ARMS = ("recurrent", "feed-forward", "recurrent, frozen", "recurrent, BPTT")


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    n_networks: int
    n_rows: int
    n_directions: int
    pictures: LearningPlan
    rows: LearningPlan
    words: LearningPlan
    n_picture_seeds: int
    n_seeds: int
    n_utterances: int
    vowels: LearningPlan | None = None
    """For real speech alone."""


_VOWEL_STEPS = 87
"""Three steps a bin."""
_PICTURES = LearningPlan(60, 128, 20, 16, density=1.0, recurrent_scale=1.0, hidden_count=None)
_BRIEF = LearningPlan(100, 100, 10, 16, Neuron(16.0, 4.0), recurrent_scale=1.0, is_noisy=False)
"""For sequences, fixed before the study: of five settings for words, on vocabularies and speakers that the study does not
draw, it was the one where recurrent cells gained most over feed-forward ones by the rule (0.92 against 0.81, mean of three
vocabularies). Neither BPTT nor frozen weights nor digits were tried when it was chosen."""
DEFAULT = StudySize(
    n_networks=5,
    n_rows=1500,
    n_directions=40,
    pictures=_PICTURES,
    rows=replace(_BRIEF, n_steps=64),
    words=_BRIEF,
    n_picture_seeds=5,
    n_seeds=5,
    n_utterances=1000,
)
"""About three minutes on one core."""
_WIDE = LearningPlan(400, 400, 30, density=0.1, targets=Targets())
FULL = StudySize(
    n_networks=16,
    n_rows=1500,
    n_directions=100,
    pictures=replace(_WIDE, n_epochs=20, batch_size=16),
    rows=replace(_WIDE, is_noisy=False),
    words=replace(_WIDE, is_noisy=False),
    n_picture_seeds=5,
    n_seeds=5,
    n_utterances=4000,
)
"""400 cells and 400 steps, as the paper has for Fashion-MNIST: hours."""


def run(request: NativeRun, real: bool = False) -> NativeOutcome:
    """Run the study. It is compiled for the CPU; raises ConfigError for another device.

    The paper's recordings, TI46 and N-TIDIGITS, are licensed and its figures for them cannot be remade here: words made of the
    same sounds in other orders, and scikit-learn's digits read row by row, stand in for them. Accuracies are those after the
    last epoch, where the paper reports the best test epoch. With `real`, networks on the speech of nine speakers, alone.
    """
    if real:
        size = replace(DEFAULT, vowels=replace(_BRIEF, n_steps=_VOWEL_STEPS))
        with threadpool_limits(1):
            found = _learn_all(request, size, "vowels", spoken_vowels())
        return NativeOutcome(tuple(learning_claims("speakers of vowels", found)), (), {"vowels": found})
    return run_sized(request, FULL if request.full else DEFAULT)


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    if request.device != "cpu":
        raise ConfigError(f"st-rsbp is compiled for the CPU: the device must be cpu, not {request.device}")
    found = measure(request, size)
    gradients, learning = found["gradients"], found["learning"]
    titles = {
        "pictures": "Pictures of digits",
        "rows": "Digits, row by row",
        "words": "Words: the same sounds in other orders",
    }
    figures = {
        "st_rsbp_raster.png": lambda path: draw_raster(path, found["raster"], "A word before training"),
        "st_rsbp_directions.png": lambda path: draw_correlation(path, gradients["active"]),
        "st_rsbp_terms.png": lambda path: draw_terms(path, gradients),
        "st_rsbp_learning.png": lambda path: draw_curves(path, {title: learning[task] for task, title in titles.items()}),
    }
    for name, draw in figures.items():
        draw(request.folder / name)
    claims = (
        *gradient_claims(gradients),
        *picture_claims(learning["pictures"]),
        *learning_claims("digits by rows", learning["rows"]),
        *learning_claims("words", learning["words"]),
    )
    return NativeOutcome(claims, tuple(figures), found)


def measure(request: NativeRun, size: StudySize) -> dict[str, Any]:
    """Return all numbers of the study as plain values, the same for the same seed whatever the number of cores."""
    seed = request.seed
    with threadpool_limits(1):
        gradients: dict[str, Any] = {"identity": identity_gap(seed), "solve": solve_gaps(seed)}
        for regime, lift in _LIFTS.items():
            step = _stepper(request, f"finite differences, {regime.replace('_', ' ')}")
            study = partial(directions_study, seed, lift, size.n_networks, size.n_rows, size.n_directions, step)
            gradients[regime] = request.part(f"directions, {regime}", study)
        words = Words().draw(size.n_utterances, make_rng("st-rsbp words", seed), make_rng("st-rsbp speakers", seed))
        tasks = {"pictures": digit_pictures(), "rows": digit_rows(), "words": words}
        learning = {name: _learn_all(request, size, name, task) for name, task in tasks.items()}
        raster = hidden_raster(words, size.words, seed)
    return {"gradients": gradients, "learning": learning, "raster": raster}


def _learn_all(request: NativeRun, size: StudySize, name: str, task: Rates) -> dict[str, list[dict[str, Any]]]:
    """Return the runs of every arm on a task, one per seed."""
    plan: LearningPlan = getattr(size, name)
    arms, n_seeds = (_PICTURE_ARMS, size.n_picture_seeds) if name == "pictures" else (_SEQUENCE_ARMS, size.n_seeds)
    found = {}
    for arm in arms:
        step = _stepper(request, f"{name} by {arm}")
        found[arm] = []
        for k in range(n_seeds):

            def progress(epoch: int, k: int = k, step: Callable = step) -> None:
                step(k * plan.n_epochs + epoch, n_seeds * plan.n_epochs)

            study = partial(learn, task, arm, plan, (name, request.seed, k), progress)
            found[arm].append(request.part(f"{name}, {arm}, {k}", study))
    return found


def _stepper(request: NativeRun, step: str) -> Callable[[int, int], None]:
    return lambda done, total: request.progress(step, done, total)

"""The native study: what ModProp claims, on the problems it claims it for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from propneat.data.real_sets import japanese_vowels, mnist
from propneat.methods.contract import NativeOutcome, NativeRun
from propneat.methods.modprop.claims import ORDER, alignment_claims, digit_claims, online_claims, order_claims, xor_claims
from propneat.methods.modprop.figures import LABELS, draw_alignment, draw_curves, draw_digits, draw_hops
from propneat.methods.modprop.rules import RULES, make_rule
from propneat.methods.modprop.studies import ALIGNED, XorPlan, online_gap, run_xor, sequence_accuracy
from propneat.methods.modprop.tasks import DelayedXor, digits_by_rows, images_by_rows, utterances

__all__ = ["StudySize", "measure", "run", "run_sized"]

_DIGIT_RULES = (*RULES, "modprop-cells, mu 0.5", "modprop-types, mu 0.5")
_BLANK_RULES = ("bptt", "e-prop", "modprop-cells", "modprop-types")


@dataclass(frozen=True)
class StudySize:
    """How large the study is."""

    xor: XorPlan = XorPlan()
    n_digit_seeds: int = 5
    n_epochs: int = 25
    n_blank: int = 12
    digit_batch_size: int = 32


_PAPER_SIZE = StudySize(XorPlan(DelayedXor(step_ms=1.0), n_updates=3000, n_seeds=10), n_digit_seeds=10)


def run(request: NativeRun, real: bool = False) -> NativeOutcome:
    """Run the study: steps of 10 ms and 640 updates, or at the paper's size steps of 1 ms and 3,000 updates.

    Departures from the released code: steps of 10 ms at the default size, Dale's law kept by projection, first weights of the
    readout, and a learning rate of 5e-4 for all rules. Networks live on `request.device`, what is random is drawn on the CPU.
    What the paper shows with MNIST is shown with scikit-learn's digits of 8 by 8 pixels. With `real`, four rules on 5,000
    images of MNIST by rows and on the speech of nine speakers, alone.
    """
    if real:
        return _on_real_data(request, StudySize())
    return run_sized(request, _PAPER_SIZE if request.full else StudySize())


def run_sized(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Run the study at any size; see `run`."""
    found = measure(request, size)
    gaps, curves, plain, blank = (found[part] for part in ("online_gaps", "delayed_xor", "digits", "digits_then_blank"))
    exact = curves["bptt"]
    alignment = {name: np.array([check[name] for check in exact["alignment"]]) for name in ALIGNED}
    panels = {"Digits, 8 rows of 8 pixels": plain, f"then {size.n_blank} blank steps": blank}
    figures = {
        "modprop_xor.png": lambda path: draw_curves(path, curves),
        "modprop_alignment.png": lambda path: draw_alignment(path, exact["aligned_updates"], alignment),
        "modprop_digits.png": lambda path: draw_digits(path, panels),
        "modprop_online.png": lambda path: draw_hops(path, gaps),
    }
    for name, draw in figures.items():
        draw(request.folder / name)
    claims = (
        *online_claims(gaps),
        *xor_claims(curves, request.seed),
        *alignment_claims(alignment, exact["far_share"]),
        *digit_claims(plain, blank),
    )
    return NativeOutcome(claims, tuple(figures), found)


def measure(request: NativeRun, size: StudySize) -> dict[str, Any]:
    """Return all numbers of the study as plain values, the same for the same seed whatever the number of cores."""
    # products this small gain nothing from more threads, and results would vary with their number
    with threadpool_limits(1, "openmp"):
        return {
            "online_gaps": online_gap(request.seed),
            "delayed_xor": {name: request.part(f"delayed XOR, {name}", partial(_xor, request, size, name)) for name in RULES},
            "digits": {
                name: request.part(f"digits, {name}", partial(_digits, request, size, name, 0)) for name in _DIGIT_RULES
            },
            "digits_then_blank": {
                name: request.part(f"digits and blanks, {name}", partial(_digits, request, size, name, size.n_blank))
                for name in _BLANK_RULES
            },
            "n_blank": size.n_blank,
        }


def _on_real_data(request: NativeRun, size: StudySize) -> NativeOutcome:
    """Return what four rules reach on images of MNIST by rows, and on utterances in their published division."""
    spoken = utterances(japanese_vowels("TRAIN"), japanese_vowels("TEST"))
    tasks = {
        "MNIST by rows": (partial(images_by_rows, *mnist()), 10),
        "speakers of vowels": (lambda rng: spoken, 40),
    }
    found: dict[str, dict[str, list[float]]] = {}
    with threadpool_limits(1, "openmp"):
        for task, (draw, n_epochs) in tasks.items():
            found[task] = {
                name: sequence_accuracy(
                    RULES[name],
                    draw,
                    size.n_digit_seeds,
                    n_epochs,
                    request.seed,
                    _stepper(request, f"{task} by {LABELS[name]}"),
                    device=request.device,
                )
                for name in ORDER
            }
    claims = tuple(claim for task, accuracies in found.items() for claim in order_claims(task, accuracies))
    return NativeOutcome(claims, (), found)


def _stepper(request: NativeRun, step: str) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done % 5 == 0 or done == total:
            request.progress(step, done, total)

    return progress


def _xor(request: NativeRun, size: StudySize, name: str) -> dict[str, Any]:
    return run_xor(name, size.xor, request.seed, _stepper(request, f"delayed XOR by {LABELS[name]}"), request.device)


def _digits(request: NativeRun, size: StudySize, name: str, n_blank: int) -> list[float]:
    base, _, slope = name.partition(", mu ")
    step = f"digits{' and blanks' if n_blank else ''} by {LABELS[base]}{f', slope {slope}' if slope else ''}"
    rule = make_rule(base, float(slope) if slope else None)
    return sequence_accuracy(
        rule,
        partial(digits_by_rows, n_blank=n_blank),
        size.n_digit_seeds,
        size.n_epochs,
        request.seed,
        _stepper(request, step),
        batch_size=size.digit_batch_size,
        device=request.device,
    )

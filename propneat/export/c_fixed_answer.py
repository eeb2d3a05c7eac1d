"""From the outputs of a fixed-point network to an answer in whole numbers."""

from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError
from propneat.data import TargetScale
from propneat.export.c_fixed import FixedModel
from propneat.export.c_fixed_functions import TOP, logistic, power_of_half

__all__ = ["PROBABILITY_BITS", "FixedAnswer", "answer_rows", "plan_answer"]

PROBABILITY_BITS = 30
"""Bits after the point of a probability."""
MOST_CLASSES = 200


@dataclass(frozen=True)
class FixedAnswer:
    """What turns outputs into an answer: value * factor >> shift, one of each for every output.

    Of a classification this is the logit in powers of two, 16 bits after the point. Of a regression the center is added, and the
    sum, with `bits` after the point, kept within `low` and `high`; with `is_log` it is taken off the center, and the answer is
    2**30 halved so many times, 16 bits after the point.
    """

    factors: tuple[int, ...]
    shifts: tuple[int, ...]
    center: int = 0
    low: int | None = None
    high: int | None = None
    bits: int = PROBABILITY_BITS
    is_log: bool = False


def plan_answer(fixed: FixedModel) -> FixedAnswer:
    """Choose the units of the answer; raises ConfigError for what has no form in whole numbers."""
    model = fixed.model
    units = fixed.units[model.plan.output_slot]
    if model.task != "regression":
        if len(model.classes) > MOST_CLASSES:
            raise ConfigError(
                f"fixed point tells at most {MOST_CLASSES} classes apart, not {len(model.classes)}: use --numbers float32"
            )
        steps = [np.log2(np.e) * unit * 2.0**16 for unit in units]
        shifts = [int(np.clip(14 - np.floor(np.log2(step)), 0, 30)) for step in steps]
        return FixedAnswer(tuple(round(step * 2.0**shift) for step, shift in zip(steps, shifts, strict=True)), tuple(shifts))
    return (
        _plan_log(model.target_scale, float(units[0]))
        if model.target_scale.log
        else _plan_number(model.target_scale, float(units[0]))
    )


def _plan_log(scale: TargetScale, unit: float) -> FixedAnswer:
    """Choose the units of a number whose logarithm is computed: a power of two, as probabilities are."""
    bits = int(np.floor(np.log2(2.0**30 / scale.high)))
    step = scale.scale * unit * np.log2(np.e) * 2.0**16
    shift = int(np.clip(14 - np.floor(np.log2(step)), 0, 30))
    factor = min(round(step * 2.0**shift), TOP)
    center = round((30 - bits - scale.center * np.log2(np.e)) * 2.0**16)
    return FixedAnswer((factor,), (shift,), center, round(scale.low * 2.0**bits), round(scale.high * 2.0**bits), bits, True)


def _plan_number(scale: TargetScale, unit: float) -> FixedAnswer:
    """Choose the units of a number, such that it has 30 bits at most."""
    bounds = [scale.center] if scale.low is None else [scale.low, scale.high, scale.center]
    reach = max(*map(abs, bounds), TOP * unit * scale.scale)
    bits = int(np.floor(np.log2(2.0**30 / reach)))
    step = scale.scale * unit * 2.0**bits
    shift = 14 - int(np.floor(np.log2(step)))
    if shift < 0:
        bits, step, shift = bits + shift, step * 2.0**shift, 0
    shift = min(shift, 30)
    low, high = (None, None) if scale.low is None else (round(scale.low * 2.0**bits), round(scale.high * 2.0**bits))
    factor = min(round(step * 2.0**shift), TOP)
    return FixedAnswer((factor,), (shift,), round(scale.center * 2.0**bits), low, high, bits)


def answer_rows(fixed: FixedModel, answer: FixedAnswer, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class (n_rows,) and `out` (n_rows, n_out), as the C does, from outputs int64 (n_rows, n_outputs)."""
    halves = np.array([(1 << shift) >> 1 for shift in answer.shifts])
    scaled = (outputs * np.array(answer.factors) + halves) >> np.array(answer.shifts)
    if fixed.model.task == "regression":
        if answer.is_log:
            m, n = power_of_half(np.maximum(answer.center - scaled, 0))
            out = (m << 14) >> n
        else:
            out = scaled + answer.center
        return np.zeros(len(out), np.int64), out if answer.low is None else np.clip(out, answer.low, answer.high)
    if fixed.model.task == "binary":
        small = logistic(np.abs(scaled))
        out = np.column_stack([np.where(scaled > 0, small, 2**30 - small), np.where(scaled > 0, 2**30 - small, small)])
        return (scaled[:, 0] > 0).astype(np.int64), out
    m, n = power_of_half(scaled.max(axis=1, keepdims=True) - scaled)
    total, down = (512 + ((m << 8) >> n).sum(axis=1, keepdims=True)) >> 9, np.full((len(m), 1), 2)
    while (large := total > 0xFFFF).any():
        total, down = total >> large, down + large
    return np.argmax(scaled, axis=1), (m * ((2**31 - 1) // total)) >> np.minimum(down + n, 31)

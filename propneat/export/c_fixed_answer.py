"""From the outputs of a fixed-point network to an answer in whole numbers."""

from dataclasses import dataclass

import numpy as np

from propneat.errors import ConfigError
from propneat.export.c_fixed import FixedModel
from propneat.export.c_fixed_functions import TOP

__all__ = ["LOGIT_BITS", "PROBABILITY_BITS", "FixedAnswer", "answer_rows", "exp_parts", "plan_answer"]

PROBABILITY_BITS = 30
"""Bits after the point of a probability."""
LOGIT_BITS = 12
MOST_CLASSES = 255
FARTHEST = 22 << LOGIT_BITS
"""A logit that lies this far below the best counts as lying there."""
LOG2_E = 23637
"""log2(e), 14 bits after the point."""
CURVE = (22662, 7575, 1298)
"""2**-r = 1 - r (a - r (b - r c)), right to 1e-4 for r from 0 to 1; 15 bits after the point."""


@dataclass(frozen=True)
class FixedAnswer:
    """What turns outputs into an answer: of a classification the shifts of the outputs to `LOGIT_BITS`, to the left where positive.

    Of a regression `out = value * factor >> shift + center`, kept within `low` and `high`, with `bits` after the point.
    """

    shifts: tuple[int, ...] = ()
    factor: int = 0
    shift: int = 0
    center: int = 0
    low: int | None = None
    high: int | None = None
    bits: int = PROBABILITY_BITS


def plan_answer(fixed: FixedModel) -> FixedAnswer:
    """Choose the units of the answer; raises ConfigError for what has no form in whole numbers."""
    model = fixed.model
    units = fixed.units[model.plan.output_slot]
    if model.task != "regression":
        if len(model.classes) > MOST_CLASSES:
            raise ConfigError(f"fixed point tells at most {MOST_CLASSES} classes apart, not {len(model.classes)}: use --numbers float32")
        return FixedAnswer(tuple(int(LOGIT_BITS + np.log2(unit)) for unit in units))
    scale, unit = model.target_scale, float(units[0])
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
    return FixedAnswer((), factor, shift, round(scale.center * 2.0**bits), low, high, bits)


def exp_parts(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return m and n with exp(-a) = m / 2**(15 + n) for whole numbers of `LOGIT_BITS` from 0 to `FARTHEST`."""
    t = a * LOG2_E
    r = (t >> (LOGIT_BITS - 1)) & TOP
    first, second, third = CURVE
    m = 32768 - ((r * (first - ((r * (second - ((r * third) >> 15))) >> 15))) >> 15)
    return m, t >> (LOGIT_BITS + 14)


def answer_rows(fixed: FixedModel, answer: FixedAnswer, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the class (n_rows,) and `out` (n_rows, n_out), as the C does, from outputs int64 (n_rows, n_outputs)."""
    if fixed.model.task == "regression":
        out = ((outputs * answer.factor + _half(answer.shift)) >> answer.shift) + answer.center
        out = out if answer.low is None else np.clip(out, answer.low, answer.high)
        return np.zeros(len(out), np.int64), out
    logits = np.stack(
        [column << shift if shift >= 0 else column >> -shift for column, shift in zip(outputs.T, answer.shifts, strict=True)], axis=1
    )
    if fixed.model.task == "binary":
        logits = np.column_stack([np.zeros(len(logits), np.int64), logits])
    m, n = exp_parts(np.minimum(logits.max(axis=1, keepdims=True) - logits, FARTHEST))
    total = ((m << 9) >> n).sum(axis=1, keepdims=True)
    j = np.full_like(total, 9)
    while (large := (total >> j) > 0xFFFF).any():
        j += large
    share = 2**31 // (total >> j)
    shift = j - 8 + n
    return np.argmax(logits, axis=1), np.where(shift > 31, 0, (m * share) >> np.minimum(shift, 31))


def _half(shift: int) -> int:
    return 2 ** (shift - 1) if shift > 0 else 0

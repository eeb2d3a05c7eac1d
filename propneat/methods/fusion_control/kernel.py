"""The plant's step as compiled code with its exact derivative: the torch form spends its time on calls of tiny operations.

`stepper` is what simulations use: on the CPU this kernel, elsewhere the plant's own step, with the same values and gradients.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from propneat.base.native import inner, outer
from propneat.methods.fusion_control.plant import ALPHA_MASS, BORON_MASS, CALM, FUSION_JOULE, PROTON_MASS, Drives, Plant
from propneat.methods.fusion_control.powers import (
    BREMSSTRAHLUNG_SCALE,
    COOLEST_KEV,
    ELECTRON_REST_KEV,
    EXCHANGE_SCALE,
    FACTOR,
    JOULE_PER_UNIT,
    MOST_T,
)
from propneat.methods.fusion_control.reactivity import FLOOR_KEV, GAMOW_KEV, HIGHEST_KEV, REDUCED_MASS_KEV, find_fit

__all__ = ["advance", "stepper"]

Step = Callable[..., torch.Tensor]

_CPU = torch.device("cpu")
_HEAT = 1.5 * JOULE_PER_UNIT
_CHARGES = (1.0, 5.0, 2.0)
_SQUARES_PER_MASS = (1 / PROTON_MASS, 25 / BORON_MASS, 4 / ALPHA_MASS)
_SETTINGS = (
    "energy_confinement",
    "fuel_confinement",
    "ash_confinement",
    "ln_lambda",
    "electron_share",
    "reactivity_scale",
)


@inner
def _reactivity(temperature, p):
    """Return <sigma v> in cm^3/s and its logarithm's derivative by the temperature, per keV."""
    t = min(max(temperature, FLOOR_KEV), HIGHEST_KEV)
    above, below = t * (p[1] + t * (p[3] + t * p[5])), 1 + t * (p[2] + t * (p[4] + t * p[6]))
    d_above, d_below = p[1] + t * (2 * p[3] + 3 * t * p[5]), p[2] + t * (2 * p[4] + 3 * t * p[6])
    g = 1 - above / below
    d_g = -(d_above * below - above * d_below) / below**2
    theta = t / g
    d_log_theta = 1 / t - d_g / g
    xi = (GAMOW_KEV / 4 / theta) ** (1 / 3)
    value = 1e6 * p[0] * theta * math.sqrt(xi / (REDUCED_MASS_KEV * t * t * t)) * math.exp(-3 * xi)
    d_log = d_log_theta * (1 - 1 / 6 + xi) - 1.5 / t
    return value, d_log if t == temperature else 0.0


@inner
def _radiation(n_e, squares, temperature):
    """Return the power radiated and its derivatives by n_e, by the sum of n Z^2, and by the temperature."""
    warm = max(temperature, COOLEST_KEV)
    x = warm / ELECTRON_REST_KEV
    root = math.sqrt(x)
    ions = 1 + 1.78 * x**1.34
    electrons = 2.12 * x * (1 + x * (1.1 + x * (1 - 1.25 * root)))
    d_ions = 1.78 * 1.34 * x**0.34
    d_electrons = 2.12 * (1 + x * (2.2 + x * (3 - 4.375 * root)))
    scale = BREMSSTRAHLUNG_SCALE * root * (temperature / warm)
    power = scale * n_e * (squares * ions + n_e * electrons)
    if temperature > COOLEST_KEV:
        d_temperature = power / (2 * warm) + scale * n_e * (squares * d_ions + n_e * d_electrons) / ELECTRON_REST_KEV
    else:
        d_temperature = BREMSSTRAHLUNG_SCALE * root * n_e * (squares * ions + n_e * electrons) / COOLEST_KEV
    return power, scale * (squares * ions + 2 * n_e * electrons), scale * n_e * ions, d_temperature


@inner
def _exchange(n_e, per_mass, temperature, ln_lambda):
    """Return the power passed per keV and its logarithm's derivative by the temperature."""
    warm = max(temperature, COOLEST_KEV)
    t = min(warm / ELECTRON_REST_KEV, MOST_T)
    u = t / (1 + t)
    factor, d_factor = FACTOR[0], 0.0
    for k in range(1, len(FACTOR)):
        d_factor = d_factor * u + factor
        factor = factor * u + FACTOR[k]
    if t == MOST_T:
        d_factor = 0.0
    value = EXCHANGE_SCALE * ln_lambda * n_e * per_mass / (warm * math.sqrt(warm)) * factor
    d_log = d_factor / (factor * (1 + t) ** 2 * ELECTRON_REST_KEV) - 1.5 / warm
    return value, d_log if warm == temperature else 0.0


@inner
def _rates(x, u, s, confinement, dust, p, rates, slopes):
    """Write d state / dt (5,) and its derivative by the state (5, 5)."""
    n_p, n_B, n_alpha, W_i, W_e = x[0], x[1], x[2], x[3], x[4]
    n_i, n_e = n_p + n_B + n_alpha, n_p + 5 * n_B + 2 * n_alpha
    T_i, T_e = W_i / (n_i * _HEAT), W_e / (n_e * _HEAT)
    sigma_v, d_sigma = _reactivity(T_i, p)
    speed = 1e14 * s[5] * sigma_v
    fusions = n_p * n_B * speed
    P_B, dB_e, dB_squares, dB_T = _radiation(n_e, n_p + 25 * n_B + 4 * n_alpha, T_e)
    per_mass = n_p * _SQUARES_PER_MASS[0] + n_B * _SQUARES_PER_MASS[1] + n_alpha * _SQUARES_PER_MASS[2]
    per_keV, d_log = _exchange(n_e, per_mass, T_e, s[3])
    gap, tau_E = T_i - T_e, s[0] * confinement
    P_F, P_ie = FUSION_JOULE * fusions, per_keV * gap
    rates[0] = u[2] - n_p / s[1] - fusions
    rates[1] = u[3] + dust - n_B / s[1] - fusions
    rates[2] = 3 * fusions - n_alpha / s[2]
    rates[3] = u[0] + P_F - s[4] * P_F - P_ie - W_i / tau_E
    rates[4] = u[1] + s[4] * P_F + P_ie - P_B - W_e / tau_E
    for k in range(5):
        if k < 3:
            z = _CHARGES[k]
            d_T_i, d_T_e = -T_i / n_i, -T_e * z / n_e
            d_B = dB_e * z + dB_squares * z * z
            d_exchange = P_ie * (z / n_e + _SQUARES_PER_MASS[k] / per_mass)
        else:
            d_T_i, d_T_e = (1 / (n_i * _HEAT), 0.0) if k == 3 else (0.0, 1 / (n_e * _HEAT))
            d_B, d_exchange = 0.0, 0.0
        d_fusions = fusions * d_sigma * d_T_i
        if k == 0:
            d_fusions += n_B * speed
        elif k == 1:
            d_fusions += n_p * speed
        d_B += dB_T * d_T_e
        d_exchange += P_ie * d_log * d_T_e + per_keV * (d_T_i - d_T_e)
        d_F = FUSION_JOULE * d_fusions
        slopes[0, k] = -d_fusions
        slopes[1, k] = -d_fusions
        slopes[2, k] = 3 * d_fusions
        slopes[3, k] = (1 - s[4]) * d_F - d_exchange
        slopes[4, k] = s[4] * d_F + d_exchange - d_B
    slopes[0, 0] -= 1 / s[1]
    slopes[1, 1] -= 1 / s[1]
    slopes[2, 2] -= 1 / s[2]
    slopes[3, 3] -= 1 / tau_E
    slopes[4, 4] -= 1 / tau_E


@outer
def _step(states, controls, settings, confinement, dust, p, seconds, after, jacobian):
    """Write states after one Runge-Kutta step, (n, 5), and, if it has rows, the derivative by state and controls, (n, 5, 9)."""
    rates, slopes, x = np.zeros(5), np.zeros((5, 5)), np.zeros(5)
    stage, change, total = np.zeros((5, 9)), np.zeros((5, 9)), np.zeros((5, 9))
    target = (3, 4, 0, 1)
    with_jacobian = len(jacobian) > 0
    for n in range(len(states)):
        x[:] = states[n]
        after[n] = states[n]
        stage[:] = 0
        for i in range(5):
            stage[i, i] = 1
        total[:] = stage
        for number in range(4):
            _rates(x, controls[n], settings[n], confinement[n], dust[n], p, rates, slopes)
            share = seconds / 6 if number in (0, 3) else seconds / 3
            ahead = seconds / 2 if number < 2 else seconds
            after[n] += share * rates
            x[:] = states[n] + ahead * rates
            if with_jacobian:
                for i in range(5):
                    for j in range(9):
                        change[i, j] = 0.0
                        for k in range(5):
                            change[i, j] += slopes[i, k] * stage[k, j]
                for j in range(4):
                    change[target[j], 5 + j] += 1
                total += share * change
                stage[:] = ahead * change
                for i in range(5):
                    stage[i, i] += 1
        if with_jacobian:
            jacobian[n] = total


class _Advance(torch.autograd.Function):
    """The compiled step with its exact derivative by states and controls."""

    @staticmethod
    def forward(ctx: Any, state: torch.Tensor, controls: torch.Tensor, table: tuple, seconds: float) -> torch.Tensor:
        with_jacobian = any(ctx.needs_input_grad[:2])
        after = np.empty(state.shape)
        jacobian = np.empty((len(state) if with_jacobian else 0, 5, 9))
        _step(_array(state), _array(controls), *table, seconds, after, jacobian)
        if with_jacobian:
            ctx.save_for_backward(torch.from_numpy(jacobian))
        return torch.from_numpy(after)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (jacobian,) = ctx.saved_tensors
        both = torch.bmm(gradient.unsqueeze(1), jacobian).squeeze(1)
        return both[:, :5], both[:, 5:], None, None


def _array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())


def stepper(plant: Plant, n_plants: int, device: torch.device = _CPU) -> Step:
    """Return what advances that many plants by `Plant.step`: a function of states, controls, drives and, if not 1, seconds.

    Gradients flow to states (n_plants, 5) and controls (n_plants, 4). Drives are taken as given: no gradient flows to them.
    """
    if device.type != "cpu":
        return plant.step
    settings = np.empty((n_plants, len(_SETTINGS)))
    for column, name in enumerate(_SETTINGS):
        settings[:, column] = getattr(plant, name).numpy()
    constants = np.array(find_fit(plant.fit).constants)

    def spread(drive: torch.Tensor | float) -> np.ndarray:
        return np.array(np.broadcast_to(np.asarray(drive, np.float64), n_plants))

    def step(state: torch.Tensor, controls: torch.Tensor, drives: Drives = CALM, seconds: float = 1.0) -> torch.Tensor:
        table = settings, spread(drives.confinement), spread(drives.dust), constants
        return _Advance.apply(state, controls, table, seconds)

    return step


def advance(
    plant: Plant, state: torch.Tensor, controls: torch.Tensor, drives: Drives = CALM, seconds: float = 1.0
) -> torch.Tensor:
    """Return the states after some seconds, once; see `stepper`."""
    return stepper(plant, len(state), state.device)(state, controls, drives, seconds)

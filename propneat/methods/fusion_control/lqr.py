"""The linear quadratic regulator of the linearised plant, with integral action, its weights found by search."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import expm, solve_discrete_are

from propneat.base.rng import make_rng
from propneat.methods.fusion_control.controllers import LinearController
from propneat.methods.fusion_control.loop import CONTROL_SCALES, DEVIATION_SCALE, LOOPS
from propneat.methods.fusion_control.operating_point import linearise
from propneat.methods.fusion_control.plant import Plant
from propneat.methods.fusion_control.scenarios import TRACKED, Scenario
from propneat.methods.fusion_control.tuning import Bench, Budget, costs, mean_cost

__all__ = ["linear_model", "regulator_gains", "search_regulator"]

_LOWEST, _HIGHEST = np.array([-4.0, -5.0, -2.0]), np.array([1.0, 1.0, 2.0])


def linear_model(bench: Bench) -> tuple[np.ndarray, np.ndarray]:
    """Return (A, B) of the standard plant in units of features and answers, per s, shapes (5, 5) and (5, 4)."""
    plant = Plant()
    A, B = linearise(plant, bench.point)
    measure = torch.autograd.functional.jacobian(plant.measure, bench.point.state).numpy()
    to_features = DEVIATION_SCALE * measure / bench.point.measured.numpy()[:, None]
    return to_features @ A @ np.linalg.inv(to_features), to_features @ B * np.array(CONTROL_SCALES)


def regulator_gains(A: np.ndarray, B: np.ndarray, effort: float, integral: float, electrons: float) -> np.ndarray:
    """Return gains (4, N_SHOWN) on features: feedback of the deviation from the steady state of the set-points, and integrals.

    The regulator of steps of one second under held controls minimises the sum of squared relative errors of what has
    set-points, of `integral` times the squared integrals of relative errors, and of `effort` times squared answers, that of
    electron heating `electrons` times as dear. The steady state and its controls, without electron heating, are those of the
    linear plant (A, B).
    """
    tracked = np.eye(5)[list(TRACKED)]
    block = expm(np.block([[A, B], [np.zeros((4, 9))]]))
    step = np.block([[block[:5, :5], np.zeros((5, 3))], [-tracked / DEVIATION_SCALE, np.eye(3)]])
    push = np.vstack([block[:5, 5:], np.zeros((3, 4))])
    wanted = np.diag(np.concatenate([tracked.sum(axis=0) / DEVIATION_SCALE**2, np.full(3, integral)]))
    dear = effort * np.diag([1.0, electrons, 1.0, 1.0])
    riccati = solve_discrete_are(step, push, wanted, dear)
    feedback = np.linalg.solve(dear + push.T @ riccati @ push, push.T @ riccati @ step)
    steady = np.linalg.solve(
        np.block([[A, B[:, LOOPS]], [tracked, np.zeros((3, 3))]]), np.vstack([np.zeros((5, 3)), np.eye(3)])
    )
    answers = np.zeros((4, 3))
    answers[list(LOOPS)] = steady[5:]
    return np.hstack([-feedback[:, :5], feedback[:, :5] @ steady[:5] + answers, -feedback[:, 5:]])


def search_regulator(
    bench: Bench, budget: Budget, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[LinearController, dict[str, float]]:
    """Return the best regulator of a budget, and its weights.

    As many candidates as other controllers get updates are tried on as many plants and seconds each: half drawn evenly in
    the logarithms of the three weights, half about the best of those. The best ten then meet the judging scenarios.
    """
    A, B = linear_model(bench)
    rng = make_rng("fusion-control", bench.seed, "regulator")
    scenario = bench.scenarios(budget.n_plants, budget.horizon, "train", 0)
    n_first = max(budget.n_updates // 2, 1)
    weights = rng.uniform(_LOWEST, _HIGHEST, (n_first, 3))
    found = _score(bench, A, B, weights, scenario)
    progress(1, 3)
    near = weights[np.argmin(found)] + 0.5 * rng.standard_normal((max(budget.n_updates - n_first, 1), 3))
    found = np.concatenate([found, _score(bench, A, B, near, scenario)])
    weights = np.concatenate([weights, near])
    progress(2, 3)
    judges = bench.judges(budget)
    finalists = [_controller(bench, A, B, weights[k : k + 1]) for k in np.argsort(found, kind="stable")[: budget.n_checks]]
    best = int(np.argmin(np.nan_to_num([mean_cost(bench, finalist, judges) for finalist in finalists], nan=np.inf)))
    progress(3, 3)
    chosen = 10 ** weights[np.argsort(found, kind="stable")[best]]
    return finalists[best], dict(zip(("effort", "integral", "electrons"), chosen.tolist(), strict=True))


def _controller(bench: Bench, A: np.ndarray, B: np.ndarray, weights: np.ndarray) -> LinearController:
    return LinearController(np.stack([regulator_gains(A, B, *(10**row)) for row in weights])).to(bench.device)


def _score(bench: Bench, A: np.ndarray, B: np.ndarray, weights: np.ndarray, scenario: Scenario) -> np.ndarray:
    """Return the mean cost of the regulators of weights (n_candidates, 3), infinite where plants are lost."""
    with torch.no_grad():
        found = costs(bench, _controller(bench, A, B, weights), scenario.repeat(len(weights)))
    return np.nan_to_num(found.view(len(weights), -1).mean(dim=1).cpu().numpy(), nan=np.inf)

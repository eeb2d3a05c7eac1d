"""What is claimed, beside what a run found: published numbers of physics, and a calibrated reference of the controllers.

The reference run had other noise and unequal budgets, so tolerances about its controllers are wide; they, the comparisons with
the evolved controller are this project's own.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from propneat.methods.claims import ahead, near
from propneat.methods.contract import Claim

__all__ = ["control_claims", "physics_claims", "stream_claims"]

_REACTIVITY = {
    ("tentori-belloni", "fit"): (0.7065, 1.866, 2.957, 4.387, 5.147, 5.619),
    ("tentori-belloni", "integral"): (0.7035, 1.861, 2.948, 4.374, 5.132, 5.605),
    ("nevins-swain", "fit"): (0.6153, 1.576, 2.427, 3.385, 3.698, 3.741),
    ("nevins-swain", "integral"): (0.630, 1.601, 2.471, 3.516, 3.944, 4.097),
}
"""Reference values at 100, 150, 200, 300, 400 and 500 keV in 1e-16 cm^3/s."""

_GAIN = np.array(
    [
        [0.03, 0.24, 0.78, 1.09, 1.37, 1.62],
        [0.03, 0.32, 1.32, 2.18, 3.23, 4.54],
        [0.04, 0.35, 1.67, 3.14, 5.62, 10.7],
        [0.04, 0.35, 1.77, 3.54, 7.06, 17.6],
        [0.03, 0.34, 1.72, 3.44, 6.89, 17.3],
    ]
)
_ASH = (0.999, 0.956, 0.897, 0.809, 0.668)


def _near(name: str, value: float, reference: float, tolerance: float, note: str = "") -> Claim:
    text = f"{reference:g} within {100 * tolerance:g} %{note}"
    return Claim(name, text, value, abs(value - reference) <= tolerance * abs(reference))


def _below(name: str, value: float, bound: float, note: str = "") -> Claim:
    return Claim(name, f"below {bound:.4g}{note}", value, value < bound)


def physics_claims(sheet: Mapping[str, Any]) -> list[Claim]:
    """Compare the physics sheet with reference values."""
    claims = []
    for (fit, kind), expected in _REACTIVITY.items():
        ours = 1e16 * np.array(sheet["reactivity_checks"][fit][kind])
        worst = float(np.abs(ours / expected - 1).max())
        claims.append(_below(f"<σv> by {fit}, {kind}, 100 to 500 keV, largest relative difference", worst, 1e-3))
    vectors, margins, point = sheet["vectors"], sheet["margins"], sheet["operating_point"]
    gains = np.array(sheet["gain"]["Q"])
    ash = np.array(list(sheet["ash_at_300"].values()))
    far = float(np.abs(gains - _GAIN)[:, 1:].max() / 17.6)
    needed = sheet["tau_for_ten_at_300"]
    return [
        *claims,
        _near("bremsstrahlung at n_e 1e14/cm³, T_e 150 keV, Z_eff 2.71, W/cm³", vectors["P_B"], 0.2935, 1e-3),
        _near("bremsstrahlung over its non-relativistic form, as above", vectors["P_B_ratio"], 1.65, 5e-3),
        _near("exchange at T_i 300, T_e 150 keV, 13 % boron, W/cm³", vectors["P_ie"], 0.2778, 1e-3),
        _near("largest P_F/P_B, Tentori-Belloni, T_e in balance", margins["tentori-belloni"]["P_F/P_B"], 1.003, 1e-3),
        _near("largest P_F/P_B, Nevins-Swain, T_e in balance", margins["nevins-swain"]["P_F/P_B"], 0.81, 5e-3),
        _near("largest P_F/P_B with T_e = T_i", margins["one temperature"]["P_F/P_B"], 0.51, 0.015),
        _below(
            "P_F/P_B at 300 keV with ash of 0 to 20 %, largest difference from the reference",
            float(np.abs(ash - _ASH).max()),
            1e-3,
        ),
        _below("Q at 150 to 350 keV and τ_E of 10 to 500 s, largest difference over the largest Q", far, 0.01),
        Claim(
            "τ_E for Q = 10 at 300 keV, no ash, s",
            "about 280, 265 to 295; conduction of electrons left out",
            needed["radiation alone"],
            265 < needed["radiation alone"] < 295,
        ),
        _near("operating point, T_e, keV", point["measured"][1], 140.5, 1e-3),
        _near("operating point, Q", point["Q"], 1.271, 2e-3, ": heating goes on, nothing ignites"),
        _below("operating point, largest rate of change", point["largest_rate"], 1e-12),
        _near("slowest eigenvalue, per s", point["eigenvalues"][-1], -0.0173, 0.02, ": open loop is stable"),
        _below("energy that appears from nowhere, over fusion power", sheet["energy_error"], 1e-12),
        _below("steps of 1 s against steps of 0.5 s, largest relative difference", sheet["step_error"], 1e-3),
    ]


def control_claims(results: Mapping[str, Mapping[str, Mapping[str, list[float]]]]) -> list[Claim]:
    """Compare controllers, results[test][controller][figure], with the reference run and with each other."""
    script = results["script"]

    flagged = max(max(figures["share_out_of_range"]) for name, figures in script.items() if name != "open loop")
    return [
        near("script: RMS of T_i, open loop, keV", script["open loop"]["rms_T_i"], 144, 7.2, ": it cools"),
        near("script: cost, open loop", script["open loop"]["cost"], 0.405, 0.02),
        near("script: RMS of T_i, PID, keV", script["PID"]["rms_T_i"], 2.56, 0.64),
        near("script: RMS of T_i, neural, keV", script["neural"]["rms_T_i"], 2.17, 0.54),
        near("script: Q, time mean, neural", script["neural"]["Q"], 1.08, 0.054),
        *(_ahead(results, *case) for case in _CASES if case[0] in results),
        Claim("script: share of seconds outside the reactivity's range, closed loops", "0", flagged, flagged == 0),
    ]


_CASES = (
    ("script", "cost", "PID", "PI by hand", ""),
    ("script", "rms_T_i", "neural", "PID", ""),
    ("script", "cost", "PID", "neural", " (so the reference, whose budgets were not equal)"),
    ("τ_E falls to half", "rms_T_i", "neural", "PID", ""),
    ("script", "rms_T_i", "evolved", "PID", ""),
    ("script", "rms_T_i", "evolved", "neural", ""),
    ("script", "cost", "evolved", "neural", ""),
    ("random scenarios", "cost", "evolved", "PID", ""),
    ("random scenarios", "cost", "evolved", "LQR", ""),
    ("τ_E drifts to half", "rms_T_i", "neural, online", "neural", " (so the paper, which claims adaptivity)"),
    ("reactivity 20 % less", "rms_T_i", "neural, online", "neural", " (so the paper)"),
    ("ash kept twice as long", "rms_T_i", "neural, online", "neural", " (so the paper)"),
    ("fuel lost twice as fast", "rms_T_i", "neural, online", "neural", " (so the paper)"),
)
"""Test, figure, what should be lower, than what, and who says so."""


def _ahead(results: Mapping[str, Any], test: str, figure: str, better: str, worse: str, note: str) -> Claim:
    """Say whether a controller's mean in a test is below another's, as `ahead` has it, over the same noise seeds."""
    what = {"rms_T_i": "RMS of T_i, keV", "cost": "cost"}[figure]
    values = results[test]
    return ahead(f"{test}: {what}, {worse} less {better}", values[worse][figure], values[better][figure], note)


def stream_claims(tables: Mapping[str, Any], drift: Mapping[str, Any]) -> list[Claim]:
    """Compare PID-backprop with Adam on tables, and rules on the stream that changes."""
    claims = []
    for table, rules in tables.items():
        difference = np.subtract(rules["pid"]["accuracy"], rules["adam"]["accuracy"])
        claims.append(near(f"{table}: accuracy, PID less Adam", difference, 0, 0.02))
    rows = {rule: found["recovery"] for rule, found in drift.items()}
    what = "swapped means: rows to recover,"
    others = (("p", "P"), ("adam", "Adam"))
    return [*claims, *(ahead(f"{what} {label} less PID", rows[rule], rows["pid"]) for rule, label in others)]

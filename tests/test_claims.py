"""The rules by which claims about repeated runs hold, and how the command shows them."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from propneat.methods.claims import FEWEST_RUNS, ahead, at_least, at_most, near, spread
from propneat.methods.contract import Claim, NativeOutcome


def test_a_mean_has_two_standard_errors_to_either_side_and_one_run_has_none():
    values = [1.0, 2.0, 3.0, 4.0, 5.0]
    error = np.sqrt(2.5 / 5)
    mean, interval, n_runs = spread(values)
    assert (mean, n_runs) == (3.0, 5) and interval == pytest.approx((3 - 2 * error, 3 + 2 * error))
    assert spread([0.5]) == (0.5, None, 1)


def test_an_order_holds_beyond_two_standard_errors_and_not_because_a_mean_is_above_0():
    first, second = np.array([1.0, 1.3, 0.8, 1.1, 1.2]), np.array([0.9, 1.0, 0.9, 0.9, 1.0])
    differences = first - second
    clear = 2 * differences.std(ddof=1) / np.sqrt(5) < differences.mean()
    assert clear and ahead("a", first, second).holds and not ahead("a", second, first).holds
    # the mean is above 0 and one run carries it
    lucky = ahead("b", [1.0, 0, 0, 0, 0], np.zeros(5))
    assert lucky.value == pytest.approx(0.2) and lucky.interval[0] < 0 and not lucky.holds


def test_what_runs_share_cancels():
    shared = np.array([10.0, -20.0, 30.0, 5.0, 0.0])
    assert ahead("paired", shared + [1, 1.1, 0.9, 1, 1], shared).holds
    assert not at_least("alone", shared + 1, 0).holds


def test_fewer_than_five_runs_order_nothing_and_the_claim_says_so():
    claim = ahead("few", [1.0, 1.1, 1.2, 1.1], [0.0, 0, 0, 0])
    assert not claim.holds and f"{FEWEST_RUNS} runs or more, here 4" in claim.expected and claim.n_runs == 4
    assert ahead("enough", [1.0, 1.1, 1.2, 1.1, 1.0], [0.0] * 5).holds
    assert not at_least("one", [5.0], 0).holds and not at_most("one", [-5.0], 0).holds


def test_bounds_are_passed_by_whole_intervals():
    values = [1.0, 1.2, 0.8, 1.1, 0.9]
    _, (low, high), _ = spread(values)
    assert at_least("above", values, low - 1e-9).holds and not at_least("above", values, low + 1e-9).holds
    assert at_most("below", values, high + 1e-9).holds and not at_most("below", values, high - 1e-9).holds
    close = near("near", values, 1.2, 0.21)
    assert close.holds and close.interval == (low, high) and not near("far", values, 1.2, 0.19).holds


def test_the_command_prints_interval_and_runs(folder, run, monkeypatch):
    from propneat.methods.modprop import native as room

    outcome = NativeOutcome((ahead("first less second", [1.0, 1.2, 0.9, 1.1, 1.0], [0.0] * 5), Claim("exact", "0", 0.0, True)))
    monkeypatch.setattr(room, "run", lambda request: outcome)
    code, out, _ = run("benchmark", "native", "modprop", "--out", "r", "--quiet")
    head, first, exact = out.splitlines()[:3]
    assert {"two standard errors", "runs"} <= {part.strip() for part in head.split("  ")}
    low, high = outcome.claims[0].interval
    assert f"{low:.4g} to {high:.4g}" in first and " 5 " in first and " - " in exact and " 1 " in exact
    document = json.loads((folder / "r" / "result.json").read_text())
    assert code == 0
    assert document["claims"] == json.loads(json.dumps([asdict(claim) for claim in outcome.claims]))


def rate_costs(slow: list[float]) -> dict:
    """Costs of a network at 4 and 32 steps whose BPTT takes these seconds backward, and whose rates take 1."""
    from propneat.methods.rate_backprop.network import RULES

    def cost(seconds: list[float], size: float) -> dict:
        return {"saved": size, "peak": size, "forward": 0.0, "backward": min(seconds), "repeats": [(0.0, s) for s in seconds]}

    few = {rule: cost([1.0] * 7, 1.0) for rule in RULES}
    many = {rule: cost(slow, 8.0) if rule == "bptt" else cost([1.0] * len(slow), 1.0) for rule in RULES}
    return {"dense": {"4": few, "32": many}}


def box_costs(slow: list[float]) -> dict:
    """Costs at three sides of a box whose dense steps take these seconds by turn, and whose sparse steps take 1."""
    turns = {way: slow if way.startswith("dense") else [1.0] * len(slow) for way in ("sparse", "dense", "sparse, compiled")}
    turns["dense, compiled"] = slow
    step = {"sparse": 1.0, "dense": 6.0, "network 256": 50.0}
    return {n: {"step": step, "turns": turns, "touched_by_a_slice": 0.05} for n in ("33", "65", "97")}


def solver_times(slow: list[float]) -> dict:
    """Times of a solver whose plain ways take these seconds by repeat, and whose own way takes 1."""
    repeats = {"wavefront": {"4": [1.0] * 7, "8": [2.0] * 7}, "pixel loop": {"8": slow}, "dense": {"8": slow}}
    seconds = {way: {side: min(times) for side, times in by_side.items()} for way, by_side in repeats.items()}
    return {"errors": {}, "steps": {"4": 7, "8": 15}, "seconds": seconds, "repeats": repeats}


@pytest.mark.parametrize(
    ("home", "make", "words", "slow"),
    [
        ("rate_backprop.cost_study:cost_claims", rate_costs, "BPTT over rate-multi", 8.0),
        ("sparse_fourier.claims:cost_claims", box_costs, "whole volumes over sparse slices", 6.0),
        ("inverse_flow.algorithm_study:algorithm_claims", solver_times, "seconds of the pixel loop", 40.0),
    ],
)
def test_times_are_ordered_by_the_rule_too(home, make, words, slow):
    from importlib import import_module

    module, _, name = home.partition(":")
    judge = getattr(import_module(f"propneat.methods.{module}"), name)

    def verdicts(times: list[float]) -> list[Claim]:
        return [claim for claim in judge(make(times)) if words in claim.name]

    steady = verdicts([slow, 1.1 * slow, 0.95 * slow, slow, 1.05 * slow])
    # one repeat that something else held up makes the same mean
    lucky = verdicts([0.2 * slow, 0.2 * slow, 0.2 * slow, 0.2 * slow, 4.3 * slow])
    assert steady and all(claim.holds and claim.n_runs == 5 for claim in steady)
    assert not any(claim.holds for claim in lucky) and lucky[0].value == pytest.approx(steady[0].value)
    assert not any(claim.holds for claim in verdicts([slow] * 2))

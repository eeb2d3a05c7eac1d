"""The native study of PropNEAT's own paper: lost numbers, skips, ranks, and that it runs."""

import json

import numpy as np
import pytest

from propneat.benchmark.paper import training
from propneat.benchmark.paper.champions import champion_claims, skippiness
from propneat.benchmark.paper.native import StudySize, run_sized
from propneat.benchmark.paper.ranking import ranking_claims
from propneat.benchmark.paper.training import depth_claims, write_back_claims, written_back
from propneat.compiler import compile_genome, write_back_pool
from propneat.genome import NodeKind, make_genome
from propneat.methods.contract import NativeRun


def quiet(step: str, done: int, total: int) -> None:
    pass


def test_every_trained_number_returns_and_one_that_does_not_is_counted(monkeypatch):
    whole = written_back(0, 2, 6, quiet)
    assert [one["lost"] for one in whole] == [0, 0] and all(one["published"] > 0.9 * one["trained"] for one in whole)
    assert all(claim.holds for claim in write_back_claims(whole))

    def spoilt(pool, plan, weights, biases):
        weights = weights.copy()
        weights[3] += 1
        return write_back_pool(pool, plan, weights, biases)

    monkeypatch.setattr(training, "write_back_pool", spoilt)
    lossy = written_back(0, 2, 6, quiet)
    assert [one["lost"] for one in lossy] == [1, 1] and not write_back_claims(lossy)[0].holds


def test_skippiness_is_the_mean_span_of_connections():
    nodes = [
        (0, 0.0, NodeKind.INPUT, 0, 0),
        (1, 0.0, NodeKind.OUTPUT, 0, 0),
        *((k, 0.0, NodeKind.HIDDEN, 0, 0) for k in (2, 3)),
    ]
    # a chain of three layers, and a connection over all of them
    genome = make_genome(nodes, [(k, *pair, 1.0, True) for k, pair in enumerate([(0, 2), (2, 3), (3, 1), (0, 1)])])
    assert skippiness(compile_genome(genome)) == pytest.approx((1 + 1 + 1 + 3) / 4)


def test_claims_of_sizes_times_and_ranks_hold_where_they_should():
    alike = [{"parameters": 170 + k, "depth": 12, "skippiness": 2.6} for k in range(5)]
    assert all(claim.holds for claim in champion_claims(alike))
    flat = [{"parameters": 30, "depth": 2, "skippiness": 1.1}] * 5
    assert [claim.holds for claim in champion_claims(flat)] == [True, False, False]
    found = {
        "seconds": {
            "numba": {"1": [0.1] * 5, "8": [0.11] * 5},
            "layered": {"1": [1.0, 1.1, 1.0, 1.2, 1.1], "8": [8.0, 8.1, 8.2, 8.0, 8.1]},
            "naive": {"1": [20.0, 21, 22, 20, 21], "8": [20.0, 21, 22, 20, 18]},
        },
        "line": {"layered": {"r_squared": 0.99}},
    }
    assert all(claim.holds for claim in depth_claims(found))
    auc = {
        name: (np.linspace(0.7, 0.9, 12) - 0.01 * k).tolist()
        for k, name in enumerate(("random-forest", "propneat", "dense-nn"))
    }
    auc["logistic-regression"] = auc["dense-nn"]
    claims = ranking_claims({"auc": auc, "differ": [["random-forest", "logistic-regression"]], "datasets": ["x"] * 12})
    assert [claim.holds for claim in claims] == [True, True, False, False] and claims[-1].value == 1


def test_the_study_runs_in_small(tmp_path):
    steps = set()
    request = NativeRun(tmp_path, progress=lambda step, done, total: steps.add(step.split(":")[0]))
    outcome = run_sized(request, StudySize(1, 5, (1, 4), 1, 0.01, ("xd6",), 1, 2))
    json.dumps(outcome.data, allow_nan=False)
    assert {"numbers written back", "depth 1", "depth 4", "champions"} <= steps
    claims = {claim.name: claim for claim in outcome.claims}
    assert len(claims) == len(outcome.claims) and outcome.claims[0].holds
    # one round orders nothing
    assert not any(claim.holds for name, claim in claims.items() if "node by node less" in name)

"""Recurrent networks step by step: the evaluator against the genes, the torch module against both, gradients by differences."""

import warnings

import numpy as np
import pytest
import torch
from random_genomes import random_genome, random_recurrent_genome
from sequence_cases import answers_of_genes

from propneat.base.errors import GenomeError
from propneat.compiler import compile_genome, evaluate, kept_slots, unfold, write_back
from propneat.compiler.network import CompiledNetwork
from propneat.compiler.recurrent_network import RecurrentNetwork
from propneat.formula.making import network_answers
from propneat.genome import NodeKind, make_genome
from propneat.model.summary import summarise
from propneat.search.averaging import average_genomes


def small(seed: int, **options):
    return random_recurrent_genome(np.random.default_rng(seed), max_hidden=5, scale=0.4, **options)


def counter():
    """y(t) = x(t) + y(t - 1)."""
    nodes = [(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.OUTPUT, 0, 0)]
    return make_genome(nodes, [(0, 0, 1, 1.0, True), (1, 1, 1, 1.0, True, True)])


def test_a_loop_counts():
    X = np.array([[[1.0], [2.0], [-4.0], [0.5]]])
    assert evaluate(compile_genome(counter()), X)[0, :, 0].tolist() == [1.0, 3.0, -1.0, -0.5]


def test_hundreds_of_plans_compute_step_by_step_what_the_genes_say():
    for seed in range(300):
        genome = small(seed)
        X = np.random.default_rng(seed).standard_normal((2, 4, genome.n_inputs))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = np.array([answers_of_genes(genome, sequence) for sequence in X.tolist()])
        np.testing.assert_allclose(evaluate(compile_genome(genome), X), expected, rtol=1e-9, atol=1e-9, err_msg=str(seed))


def test_a_sequence_s_answers_depend_on_it_alone_and_not_on_its_future():
    plan = compile_genome(small(7, n_inputs=3))
    X = np.random.default_rng(0).standard_normal((50, 6, 3))
    answers = evaluate(plan, X)
    assert evaluate(plan, X[20:21]).tobytes() == answers[20:21].tobytes()
    assert evaluate(plan, X[:, :4]).tobytes() == answers[:, :4].tobytes()
    assert evaluate(plan, X[:, :0]).shape == (50, 0, plan.n_outputs)


def test_without_recurrent_connections_steps_are_rows():
    plan = compile_genome(random_genome(np.random.default_rng(4), n_inputs=3, n_outputs=2))
    X = np.random.default_rng(0).standard_normal((5, 4, 3))
    assert evaluate(plan, X).tobytes() == evaluate(plan, X.reshape(20, 3)).tobytes()
    assert len(kept_slots(plan)) == 0 and unfold(plan).n_slots == plan.n_slots


def test_a_recurrent_network_is_nothing_for_single_rows():
    plan = compile_genome(counter())
    with pytest.raises(GenomeError, match="a single row has no memory, and this network is recurrent"):
        evaluate(plan, np.zeros((2, 1)))
    with pytest.raises(ValueError, match="expected rows of 1 inputs"):
        evaluate(plan, np.zeros((2, 3, 2)))
    with pytest.raises(GenomeError, match="a CompiledNetwork has no memory"):
        CompiledNetwork(plan)
    with pytest.raises(GenomeError, match="a formula has no memory"):
        network_answers(plan)


def test_the_module_agrees_with_the_evaluator_in_one_go_and_step_by_step():
    for seed in range(60):
        plan = compile_genome(small(seed))
        X = torch.tensor(np.random.default_rng(seed).standard_normal((3, 5, plan.n_inputs)))
        network = RecurrentNetwork(plan, torch.float64)
        outputs, state = network(X)
        np.testing.assert_allclose(outputs.detach(), evaluate(plan, X.numpy()), rtol=1e-9, atol=1e-9)
        own = None
        for t in range(5):
            answer, own = network(X[:, t], own)
            assert torch.equal(answer, outputs[:, t])
        assert torch.equal(own, state) and state.shape == (3, len(kept_slots(plan)))
        weights, biases = network.numbers()
        assert weights.tobytes() == plan.weights.tobytes() and biases.tobytes() == plan.biases.tobytes()
    with pytest.raises(ValueError, match="expected steps of"):
        network(torch.zeros(3, plan.n_inputs + 1))


def smooth(seed: int):
    """A genome whose functions have derivatives everywhere."""
    genome = small(seed, aggregations=(0, 1, 2))
    nodes = genome.nodes.copy()
    inner = nodes["kind"] != NodeKind.INPUT
    nodes["activation"][inner] = np.array([0, 1, 3, 10, 11])[nodes["activation"][inner] % 5]
    return make_genome(nodes.tolist(), genome.connections.tolist())


def test_gradients_through_time_are_those_of_finite_differences():
    n_compared = 0
    for seed in range(25):
        genome = smooth(seed)
        plan, rng = compile_genome(genome), np.random.default_rng(seed)
        X, wanted = rng.standard_normal((2, 5, plan.n_inputs)), rng.standard_normal((2, 5, plan.n_outputs))
        network = RecurrentNetwork(plan, torch.float64)
        torch.square(network(torch.tensor(X))[0] - torch.tensor(wanted)).sum().backward()
        found = np.concatenate([network.step.weights.grad.numpy(), network.step.biases.grad.numpy()])

        def loss(numbers, plan=plan, genome=genome, X=X, wanted=wanted):
            changed = write_back(genome, plan, numbers[: plan.n_edges], numbers[plan.n_edges :])
            return np.square(evaluate(compile_genome(changed), X) - wanted).sum()

        numbers = np.concatenate([plan.weights, plan.biases])
        expected = np.array([(loss(numbers + h) - loss(numbers - h)) / 2e-6 for h in 1e-6 * np.eye(len(numbers))])
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * max(1.0, np.abs(expected).max()), err_msg=str(seed))
        n_compared += len(numbers)
    assert n_compared > 300


def test_the_mean_of_recurrent_networks_is_one():
    genomes = [small(seed, n_inputs=3, n_outputs=2) for seed in range(4)]
    X = np.random.default_rng(1).standard_normal((3, 5, 3))
    shares = [0.1, 0.2, 0.3, 0.4]
    expected = sum(share * evaluate(compile_genome(genome), X) for share, genome in zip(shares, genomes, strict=True))
    mean = average_genomes(genomes, shares)
    assert mean.is_recurrent
    np.testing.assert_allclose(evaluate(compile_genome(mean), X), expected, rtol=1e-9, atol=1e-9)


def test_a_summary_says_what_is_of_the_step_before():
    summary = summarise(counter())
    assert summary.nodes[0].terms == (("x0", 1.0), ("y0 of the step before", 1.0)) and summary.n_nodes > 0

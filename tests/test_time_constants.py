"""Nodes with a time constant: the equation itself, both engines and gradients, and every way that a genome takes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import assert_close, in_float32
from random_genomes import random_recurrent_genome
from sequence_cases import answers_of_genes, make_sequences, train_in_float64
from test_sequence_engine import ONE_STEP, first_step, loss_of, numbers_of, train

from propneat import PropNEATRegressor
from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import (
    compile_genome,
    compile_pool,
    compile_structure,
    evaluate,
    evaluate_pool,
    fixed_numbers,
    write_back,
    write_back_pool,
)
from propneat.compiler.recurrent_network import RecurrentNetwork
from propneat.compiler.reference import evaluate as evaluate_plainly
from propneat.evolution import EvolutionConfig, Population
from propneat.evolution.compatibility import compatibility_distance
from propneat.genome import GenePool, Genome, NodeKind, genome_from_document, genome_to_document, make_genome, validate
from propneat.genome.graph_form import from_networkx, to_dot, to_graphml, to_networkx
from propneat.model.summary import summarise
from propneat.report.network_svg import draw_network
from propneat.search.averaging import average_genomes
from propneat.training import TrainingConfig


def slowed(genome: Genome, seed: int, share: float = 0.5) -> Genome:
    """The genome with a time constant in about a share of its nodes, one at least."""
    rng, nodes = np.random.default_rng(seed), genome.nodes.copy()
    inner = np.flatnonzero(nodes["kind"] != NodeKind.INPUT)
    chosen = np.union1d(inner[rng.random(len(inner)) < share], inner[:1])
    # shares that float32 holds
    nodes["time_constant"][chosen] = rng.choice([1.0, 2.0, 4.0, 8.0], len(chosen))
    return validate(make_genome(nodes.tolist(), genome.connections.tolist()))


def make_pool(seed: int, n_genomes: int, smooth: bool = False, **options) -> GenePool:
    rng, options = np.random.default_rng(seed), {"max_hidden": 5, "scale": 0.35, **options}
    drawn = [slowed(random_recurrent_genome(rng, n_inputs=4, n_outputs=2, **options), k) for k in range(n_genomes)]
    pool = in_float32(GenePool.pack(drawn))
    nodes, inner = pool.nodes.copy(), pool.nodes["kind"] != NodeKind.INPUT
    if smooth:
        nodes["activation"][inner] = np.array([0, 1, 3, 10, 11])[nodes["activation"][inner] % 5]
    return GenePool(nodes, pool.node_start, pool.connections, pool.connection_start)


def follower(time_constant: float) -> Genome:
    """One output that follows its input."""
    return make_genome([(0, 0.0, 0, 0, 0), (1, 0.0, 1, 0, 0, time_constant)], [(0, 0, 1, 1.0, True)])


class TestEquation:
    """What a node with a time constant answers."""

    def test_a_step_is_answered_by_an_exponential(self):
        answers = evaluate(compile_genome(follower(4.0)), np.ones((1, 9, 1)))[0, :, 0]
        np.testing.assert_allclose(answers, 1 - 0.75 ** np.arange(1, 10), rtol=1e-12)

    def test_a_time_constant_of_one_step_changes_no_answer(self):
        X = np.random.default_rng(0).standard_normal((3, 6, 1))
        np.testing.assert_allclose(evaluate(compile_genome(follower(1.0)), X), X, rtol=1e-12)

    def test_all_ways_to_compute_agree_with_the_genes(self):
        pool = make_pool(1, 40)
        X = np.random.default_rng(1).standard_normal((2, 5, 4))
        together = evaluate_pool(pool, X)
        for genome, answers in zip(pool, together, strict=True):
            plan = compile_genome(genome)
            expected = np.array([answers_of_genes(genome, row) for row in X.tolist()])
            np.testing.assert_allclose(evaluate_plainly(plan, X), expected, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(evaluate(plan, X), expected, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(answers, expected, rtol=1e-9, atol=1e-9)
            outputs = RecurrentNetwork(plan, torch.float64)(torch.tensor(X))[0].detach()
            np.testing.assert_allclose(outputs, expected, rtol=1e-9, atol=1e-9)


class TestTraining:
    """Backpropagation through time, by numba and by torch."""

    def test_gradients_are_those_of_finite_differences_and_fixed_numbers_stay(self):
        pool = make_pool(5, 8, smooth=True, max_hidden=3, aggregations=(0, 1, 2))
        plan, sequences = compile_pool(pool), make_sequences(2, "mse", 5, 4, every=True, ragged=True)
        trained, n_compared = train(pool, sequences, replace(ONE_STEP, loss="mse")), 0
        for g, own in enumerate(plan):
            numbers, n = np.concatenate([own.weights, own.biases]), own.n_edges
            edges, slots = fixed_numbers(own)
            fixed = np.concatenate([edges, slots[own.n_inputs :]])
            expected = np.zeros(len(numbers))
            for k in np.flatnonzero(~fixed):
                ends = [
                    loss_of(replace(own, weights=moved[:n], biases=moved[n:]), "mse", sequences)
                    for moved in (numbers + h * (np.arange(len(numbers)) == k) for h in (1e-6, -1e-6))
                ]
                expected[k] = (ends[0] - ends[1]) / 2e-6
            step = numbers_of(plan, plan, g) - numbers_of(plan, trained, g)
            assert fixed.any() and not step[fixed].any()
            np.testing.assert_allclose(step, first_step(expected), rtol=2e-3, atol=2e-6, err_msg=str(g))
            n_compared += np.count_nonzero(np.abs(expected) > 1e-4)
        assert n_compared > 40

    @pytest.mark.parametrize("options", [{}, {"batch_size": 9, "l2": 0.5}, {"window": 3}])
    def test_training_ends_where_torch_in_float64_does(self, options):
        pool = make_pool(3, 8)
        config = TrainingConfig("mse", epochs=4, learning_rate=0.02, **options)
        sequences = make_sequences(6, "mse", 40, 7, every=True, ragged=True)
        assert_close(train(pool, sequences, config), train_in_float64(pool, sequences, config), 2e-3, 5e-4)

    def test_trained_numbers_return_to_their_genes_alone(self):
        pool = make_pool(4, 10)
        plan = compile_pool(pool)
        rng = np.random.default_rng(0)
        weights, biases = rng.standard_normal(len(plan.weights)), rng.standard_normal(len(plan.biases))
        back = write_back_pool(pool, plan, weights, biases)
        for g, (genome, own) in enumerate(zip(pool, plan, strict=True)):
            edges, slots = (
                (plan.genome_edge_start[g], plan.genome_edge_start[g + 1]),
                (plan.slot_start[g], plan.slot_start[g + 1]),
            )
            alone = write_back(genome, own, weights[slice(*edges)], biases[slice(*slots)][own.n_inputs :])
            assert alone == back[g]
            again, (fixed, still) = compile_genome(alone), fixed_numbers(own)
            np.testing.assert_array_equal(again.weights, np.where(fixed, own.weights, weights[slice(*edges)]))
            kept = np.where(still, 0.0, biases[slice(*slots)])[own.n_inputs :]
            np.testing.assert_array_equal(again.biases, kept)
            # a trainable number is a gene, and an edge that is none belongs to a time constant
            assert len(np.unique(own.edge_gene[~fixed])) == (~fixed).sum() == compile_structure(genome).n_edges
            assert alone.nodes["time_constant"].tolist() == genome.nodes["time_constant"].tolist()


class TestEvolution:
    """Mutation, crossover and distance."""

    def test_rate_zero_draws_nothing_and_a_rate_draws_within_bounds(self):
        config = EvolutionConfig(population_size=60, add_node_rate=0.3, initial_hidden=3, crossover_rate=0.5)
        config = replace(config, time_constant_rate=0.8, longest_time_constant=20.0)
        population, found = Population(3, 2, config, seed=0), []
        for k in range(6):
            genomes = population.ask()
            found += [genome.nodes["time_constant"][genome.nodes["time_constant"] != 0] for genome in genomes]
            assert all(validate(genome) is genome for genome in genomes)
            population.tell(np.random.default_rng(k).standard_normal(len(genomes)))
        found = np.concatenate(found)
        assert len(found) > 100 and 1 <= found.min() < 2 and 10 < found.max() <= 20
        plain = Population(3, 2, replace(config, time_constant_rate=0.0), seed=0)
        for _ in range(3):
            assert not any(genome.has_time_constants for genome in plain.ask())
            plain.tell(np.zeros(60))

    def test_the_distance_counts_logarithms(self):
        config = EvolutionConfig(weight_coefficient=1.0)
        one, other = follower(2.0), follower(8.0)
        assert compatibility_distance(one, one, config) == 0
        # of a weight, a bias and a time constant
        assert compatibility_distance(one, other, config) == pytest.approx(np.log(4) / 3)
        assert compatibility_distance(one, follower(0.0), config) == pytest.approx(np.log(2) / 3)

    @pytest.mark.parametrize("value", [{"time_constant_rate": 1.5}, {"longest_time_constant": 0.5}])
    def test_settings_are_checked(self, value):
        with pytest.raises(ConfigError, match=next(iter(value))):
            EvolutionConfig(**value)

    def test_rows_have_no_step_before(self):
        with pytest.raises(ConfigError, match="a time_constant_rate is for sequences"):
            PropNEATRegressor(generations=1, evolution={"time_constant_rate": 0.5}).fit(np.eye(12), np.arange(12.0))

    def test_a_slow_average_is_learnt_with_them(self):
        rng = np.random.default_rng(0)
        X = rng.standard_normal((150, 40, 1))
        y = X[:, :, 0] @ (0.9 ** np.arange(40)[::-1])
        settings = {"generations": 10, "populations": 1, "population_size": 60, "random_state": 0}
        model = PropNEATRegressor(**settings, evolution={"time_constant_rate": 0.5, "recurrent_rate": 0.0}).fit(
            X[:100], y[:100]
        )
        assert model.champion_.has_time_constants and not model.champion_.is_recurrent
        assert model.score(X[100:], y[100:]) > 0.9
        assert np.corrcoef(X[:, -1, 0], y)[0, 1] ** 2 < 0.4


class TestForms:
    """Files, drawings, and what has no memory."""

    def test_documents_and_graphs_keep_them_and_old_files_are_read(self):
        genome = slowed(make_pool(2, 1)[0], 0)
        document = json.loads(json.dumps(genome_to_document(genome)))
        assert document["schema"] == "propneat.genome/4" and genome_from_document(document) == genome
        assert from_networkx(to_networkx(genome)) == genome
        import networkx

        assert from_networkx(networkx.parse_graphml(to_graphml(genome))) == genome
        assert "time constant" in to_dot(genome) and "time constant" in draw_network(genome)
        plain = follower(0.0)
        old = genome_to_document(plain)
        assert old["schema"] == "propneat.genome/2" and all("time_constant" not in node for node in old["nodes"])
        assert genome_from_document(old) == plain

    @pytest.mark.parametrize(
        ("value", "message"),
        [(0.5, "1 or more"), (-2, "1 or more"), ("long", "must be a number"), (True, "must be a number")],
    )
    def test_what_is_no_time_constant_is_named(self, value, message):
        document = genome_to_document(follower(3.0))
        document["nodes"][1]["time_constant"] = value
        with pytest.raises(GenomeError, match=message):
            genome_from_document(document)
        document["nodes"][0]["time_constant"], document["nodes"][1]["time_constant"] = 2.0, 3.0
        with pytest.raises(GenomeError, match="an input node passes its value on as it is"):
            genome_from_document(document)
        document["schema"] = "propneat.genome/3"
        with pytest.raises(GenomeError, match="unknown key 'time_constant'"):
            genome_from_document(document)

    def test_a_size_counts_genes(self):
        summary = summarise(follower(3.0))
        assert [node.time_constant for node in summary.nodes] == [3.0]
        assert (summary.n_connections, summary.n_hidden, summary.n_layers) == (1, 0, 1)

    def test_the_mean_of_slow_networks_is_one(self):
        genomes = list(make_pool(7, 4))
        X = np.random.default_rng(1).standard_normal((3, 5, 4))
        expected = np.mean([evaluate(compile_genome(genome), X) for genome in genomes], axis=0)
        np.testing.assert_allclose(evaluate(compile_genome(average_genomes(genomes)), X), expected, rtol=1e-9, atol=1e-9)

    def test_a_formula_and_code_refuse(self):
        from propneat.export.c_export import export_c

        X = np.random.default_rng(0).standard_normal((40, 5, 1))
        settings = {"generations": 1, "populations": 1, "population_size": 4, "random_state": 0}
        model = PropNEATRegressor(**settings).fit(X, X.mean(axis=(1, 2))).model_
        nodes = model.genome.nodes.copy()
        nodes["time_constant"][nodes["kind"] == NodeKind.OUTPUT] = 3.0
        slow = replace(
            model, genome=make_genome(nodes.tolist(), [g[:5] for g in model.genome.connections.tolist() if not g[5]])
        )
        for write in (lambda: slow.formula, lambda: export_c(slow)):
            with pytest.raises(GenomeError, match="has no memory, and this network is recurrent"):
                write()

"""Laws of innovation numbers, crossover, mutation, distance, speciation and allocation, each against a plain twin."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_genomes import random_genome

from propneat.base.errors import ConfigError, GenomeError
from propneat.evolution import (
    EvolutionConfig,
    InnovationTracker,
    Mating,
    Population,
    assign_species,
    breed,
    compatibility_distance,
    crossover,
    mutate,
)
from propneat.evolution.config import part_of
from propneat.evolution.reproduction import allocate_offspring, plan_mating, rank_fitness
from propneat.evolution.speciation import Division, next_threshold
from propneat.genome import GenePool, Genome, NodeKind, activation_code, aggregation_code, make_genome, validate

STILL = EvolutionConfig(
    add_connection_rate=0.0,
    add_node_rate=0.0,
    weight_mutation_rate=0.0,
    bias_mutation_rate=0.0,
    average_rate=0.0,
)
RATES = (
    "add_connection_rate",
    "delete_connection_rate",
    "add_node_rate",
    "delete_node_rate",
    "toggle_rate",
    "weight_mutation_rate",
    "bias_mutation_rate",
    "activation_mutation_rate",
    "aggregation_mutation_rate",
)


def two_inputs(connections: list[tuple], hidden: tuple[int, ...] = ()) -> Genome:
    nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 0, 0, 0), (2, 0.5, 1, 0, 0)]
    return validate(make_genome([*nodes, *((k, 0.0, NodeKind.HIDDEN, 3, 0) for k in hidden)], connections))


def genes(genome: Genome) -> dict[int, tuple]:
    """Connection genes by innovation number: (source, target, weight, enabled)."""
    return {gene[0]: gene[1:5] for gene in genome.connections.tolist()}


def mutated_many(pool: GenePool, n_times: int, tracker: InnovationTracker, config: EvolutionConfig, seed: int) -> GenePool:
    """Every genome mutated `n_times`, in one call."""
    mother = np.repeat(np.arange(len(pool)), n_times)
    nobody, yes = np.full(len(mother), -1), np.ones(len(mother), bool)
    return breed(pool, Mating(mother, nobody, ~yes, yes), tracker, config, np.random.default_rng(seed))


def grown_pool(seed: int, n_genomes: int, n_generations: int, **options) -> tuple[GenePool, InnovationTracker]:
    """Genomes of one run that went their own ways for some generations of heavy mutation."""
    config = EvolutionConfig(
        **{"add_connection_rate": 0.6, "add_node_rate": 0.5, "delete_connection_rate": 0.2, "toggle_rate": 0.2, **options}
    )
    pool = GenePool.pack([two_inputs([(0, 0, 2, 1.0, True), (1, 1, 2, -1.0, True)])] * n_genomes)
    tracker = InnovationTracker.following(pool)
    for generation in range(n_generations):
        pool = mutated_many(pool, 1, tracker, config, seed + generation)
    return pool, tracker


class TestInnovation:
    """The same structural event has the same number, everywhere in a run."""

    def test_links_and_splits_are_remembered(self):
        tracker = InnovationTracker(next_node=3)
        numbers = {pair: tracker.link(*pair) for pair in [(0, 2), (2, 0), (1, 2), (0, 0), (2**31 - 1, 2**31 - 2)]}
        assert sorted(numbers.values()) == [0, 1, 2, 3, 4]
        assert all(tracker.link(*pair) == number for pair, number in numbers.items())
        ids = {key: tracker.split(*key) for key in [(0, 0), (0, 1), (1, 0), (2, 0)]}
        assert sorted(ids.values()) == [3, 4, 5, 6]
        assert all(tracker.split(*key) == node for key, node in ids.items())

    def test_the_memory_is_a_dictionary_however_many_events_there_are(self):
        tracker, twin = InnovationTracker(next_node=500), {}
        rng = np.random.default_rng(0)
        for source, target in rng.integers(0, 120, (20_000, 2)).tolist():
            assert tracker.link(source, target) == twin.setdefault((source, target), len(twin))
        restored = InnovationTracker.from_arrays(tracker.to_arrays())
        assert all(restored.link(*pair) == number for pair, number in twin.items())
        assert restored.link(999, 999) == tracker.link(999, 999) == len(twin)

    def test_a_split_is_one_event_for_the_whole_run(self):
        """Same ids within a generation, and the same again in a later one."""
        pool = GenePool.pack([two_inputs([(0, 0, 2, 1.5, True)])] * 2)
        tracker = InnovationTracker.following(pool)
        config = replace(STILL, add_node_rate=1.0)
        first = mutated_many(pool, 1, tracker, config, seed=1)
        later = mutated_many(pool, 1, tracker, config, seed=2)
        assert first[0] == first[1] == later[0] == later[1]
        assert genes(first[0]) == {0: (0, 2, 1.5, False), 1: (0, 3, 1.0, True), 2: (3, 2, 1.5, True)}
        assert first[0].nodes["id"].tolist() == [0, 1, 2, 3] and first[0].nodes["bias"][3] == 0

    def test_a_second_split_beside_the_first_is_an_event_of_its_own(self):
        start = two_inputs([(0, 0, 2, 1.5, True)])
        pool = GenePool.pack([start])
        tracker = InnovationTracker.following(pool)
        config, rng = replace(STILL, add_node_rate=1.0), np.random.default_rng(0)
        once = mutate(start, tracker, config, rng)
        opened = [(*gene[:4], gene[0] == 0, False) for gene in once.connections.tolist()]
        again_open = Genome(once.nodes, np.array(opened, once.connections.dtype))
        twice = [mutate(again_open, tracker, config, rng) for _ in range(2)]
        assert twice[0] == twice[1]
        assert twice[0].nodes["id"].tolist() == [0, 1, 2, 3, 4]
        assert genes(twice[0])[3][:2] == (0, 4) and genes(twice[0])[4][:2] == (4, 2)
        assert mutate(start, tracker, config, rng) == once

    def test_numbers_mean_the_same_in_every_genome_of_a_run(self):
        pool, _ = grown_pool(3, 60, 12, delete_node_rate=0.2)
        meaning = {}
        for genome in pool:
            for number, (source, target, *_) in genes(genome).items():
                assert meaning.setdefault(number, (source, target)) == (source, target)
        assert len(set(meaning.values())) == len(meaning) > 50

    def test_a_run_that_follows_genomes_knows_their_connections(self):
        a = two_inputs([(7, 0, 2, 1.0, True), (9, 0, 5, 1.0, True), (4, 5, 2, 1.0, True)], hidden=(5,))
        tracker = InnovationTracker.following(GenePool.pack([a, two_inputs([(7, 0, 2, 1.0, True)])]))
        assert [tracker.link(*pair) for pair in [(0, 2), (0, 5), (5, 2), (1, 2)]] == [7, 9, 4, 10]
        assert tracker.split(7) == 6
        assert tracker.new_nodes(2).tolist() == [7, 8] and tracker.split(9) == 9

    @pytest.mark.parametrize(
        "other",
        [
            two_inputs([(7, 1, 2, 1.0, True)]),
            two_inputs([(8, 0, 2, 1.0, True)]),
            make_genome([(0, 0.0, 0, 0, 0), (2, 0.0, 2, 1, 0), (4, 0.0, 1, 0, 0), (1, 0.0, 0, 0, 0)], []),
            make_genome([(0, 0.0, 0, 0, 0), (3, 0.0, 0, 0, 0), (2, 0.0, 1, 0, 0)], []),
            make_genome([(0, 0.0, 0, 0, 0), (2, 0.0, 1, 0, 0)], []),
        ],
    )
    def test_genomes_of_different_runs_do_not_mix(self, other):
        with pytest.raises(GenomeError, match="cannot share a population"):
            crossover(two_inputs([(7, 0, 2, 1.0, True)]), other, STILL, np.random.default_rng(0))

    def test_numbers_run_out_with_one_sentence(self):
        node = make_genome([(0, 0.0, 0, 0, 0), (2**31 - 1, 0.0, 1, 0, 0)], [(0, 0, 2**31 - 1, 1.0, True)])
        with pytest.raises(GenomeError, match="used up the 2147483647 innovation numbers"):
            InnovationTracker.following(GenePool.pack([node]))
        tracker = InnovationTracker(next_node=2**31 - 2)
        tracker.split(0)
        with pytest.raises(GenomeError, match="used up the 2147483647 innovation numbers"):
            tracker.split(1)


class TestCrossover:
    """10,000 children of two parents whose matching, disjoint and excess genes are known."""

    n = 10_000
    mother = two_inputs([(0, 0, 2, 1.0, True), (1, 1, 2, 1.0, False), (2, 0, 3, 1.0, True), (5, 3, 2, 1.0, True)], hidden=(3,))
    father = two_inputs([(0, 0, 2, 2.0, True), (1, 1, 2, 2.0, True), (3, 1, 4, 2.0, True), (4, 4, 2, 2.0, False)], hidden=(4,))

    def children(self, tie: bool, config: EvolutionConfig = STILL) -> list[dict[int, tuple]]:
        pool = GenePool.pack([self.mother, self.father])
        zeros = np.zeros(self.n, np.int64)
        mating = Mating(zeros, zeros + 1, np.full(self.n, tie), np.zeros(self.n, bool))
        offspring = breed(pool, mating, InnovationTracker.following(pool), config, np.random.default_rng(5))
        for child in offspring[::100]:
            validate(child)
        self.pool = offspring
        return [genes(child) for child in offspring]

    def test_matching_genes_come_from_either_parent(self):
        weights = np.array([[child[0][2], child[1][2]] for child in self.children(tie=False)])
        assert set(weights.ravel().tolist()) == {1.0, 2.0}
        np.testing.assert_allclose((weights == 1.0).mean(axis=0), 0.5, atol=0.015)
        assert abs(np.corrcoef(weights.T)[0, 1]) < 0.05

    def test_a_gene_disabled_in_one_parent_is_disabled_in_three_of_four_children(self):
        children = self.children(tie=False)
        assert all(child[0][3] for child in children)
        assert np.mean([not child[1][3] for child in children]) == pytest.approx(0.75, abs=0.015)
        self.mother, self.father = self.father, self.mother
        assert np.mean([not child[1][3] for child in self.children(tie=False)]) == pytest.approx(0.75, abs=0.015)

    def test_disjoint_and_excess_genes_come_from_the_fitter_parent_alone(self):
        for child, genome in zip(self.children(tie=False), self.pool, strict=True):
            assert set(child) == {0, 1, 2, 5}
            assert (child[2], child[5]) == ((0, 3, 1.0, True), (3, 2, 1.0, True))
            assert genome.nodes["id"].tolist() == [0, 1, 2, 3]

    def test_equals_give_all_their_genes(self):
        for child, genome in zip(self.children(tie=True), self.pool, strict=True):
            assert set(child) == {0, 1, 2, 3, 4, 5}
            assert (child[3], child[4]) == ((1, 4, 2.0, True), (4, 2, 2.0, False))
            assert genome.nodes["id"].tolist() == [0, 1, 2, 3, 4]

    def test_numbers_may_be_averaged(self):
        children = self.children(tie=False, config=replace(STILL, average_rate=1.0))
        assert {child[0][2] for child in children} == {1.5} and {child[2][2] for child in children} == {1.0}
        share = np.mean([child[0][2] == 1.5 for child in self.children(tie=False, config=replace(STILL, average_rate=0.4))])
        assert share == pytest.approx(0.4, abs=0.015)

    def test_matching_nodes_mix_bias_and_functions(self):
        nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 0, 0, 0)]
        self.mother = make_genome([*nodes, (2, 1.0, 1, 3, 0)], [])
        self.father = make_genome([*nodes, (2, 2.0, 1, 4, 1, 5.0)], [])
        self.children(tie=False)
        outputs = [child.nodes[2].item() for child in self.pool]
        assert np.mean([node[1] == 1.0 for node in outputs]) == pytest.approx(0.5, abs=0.015)
        assert {node[3:] for node in outputs} == {(3, 0, 0.0), (4, 1, 5.0)}

    def test_a_child_of_equals_that_would_have_a_cycle_stays_acyclic(self):
        """One parent has 3 -> 4, the other 4 -> 3: the child keeps the first parent's."""
        paths = [(0, 0, 3, 1.0, True), (1, 4, 2, 1.0, True), (2, 0, 4, 1.0, True), (3, 3, 2, 1.0, True)]
        self.mother = two_inputs([*paths, (4, 3, 4, 1.0, True)], hidden=(3, 4))
        self.father = two_inputs([*paths, (5, 4, 3, 1.0, True), (6, 1, 3, 1.0, True)], hidden=(3, 4))
        assert {frozenset(child) for child in self.children(tie=True)} == {frozenset({0, 1, 2, 3, 4, 6})}

    def test_children_of_long_separated_parents_keep_every_rule(self):
        pool, tracker = grown_pool(11, 40, 15, add_connection_rate=1.0, delete_node_rate=0.2)
        rng = np.random.default_rng(0)
        mother, father = rng.integers(0, 40, (2, 3000))
        mating = Mating(mother, father, rng.random(3000) < 0.5, np.zeros(3000, bool))
        n_cyclic = 0
        for child, a, b, tie in zip(breed(pool, mating, tracker, STILL, rng), mother, father, mating.tie, strict=True):
            validate(child)
            own, other, both = genes(child), genes(pool[int(a)]), genes(pool[int(b)])
            assert set(other) <= set(own) <= set(other) | (set(both) if tie else set())
            union = nx.DiGraph([gene[:2] for parent in (other, both) for gene in parent.values()])
            acyclic = nx.is_directed_acyclic_graph(union)
            n_cyclic += tie and not acyclic
            if tie and acyclic:
                assert set(own) == set(other) | set(both)
        assert n_cyclic > 10

    def test_an_only_parent_is_copied(self):
        pool, tracker = grown_pool(12, 5, 5)
        mating = Mating(np.arange(5), np.full(5, -1), np.zeros(5, bool), np.zeros(5, bool))
        assert list(breed(pool, mating, tracker, EvolutionConfig(), np.random.default_rng(0))) == list(pool)


class TestMutation:
    """Every operator alone: rate 0 changes nothing, rate 1 does its one thing, and no rule is ever broken."""

    def test_rate_zero_changes_nothing(self):
        pool, tracker = grown_pool(20, 30, 8)
        before = tracker.to_arrays()
        assert list(mutated_many(pool, 1, tracker, STILL, 0)) == list(pool)
        assert all(np.array_equal(before[name], array) for name, array in tracker.to_arrays().items())

    @pytest.mark.parametrize("rate", RATES)
    def test_each_operator_alone_keeps_every_rule(self, rate):
        pool, tracker = grown_pool(21, 40, 10)
        config = replace(
            STILL, **{rate: 1.0}, activations=("tanh", "sin", "relu"), aggregations=("sum", "max", "product"), weight_sigma=2.0
        )
        changed = 0
        for step in range(50):
            after = mutated_many(pool, 1, tracker, config, 1000 + step)
            for old, new in zip(pool, after, strict=True):
                changed += old != new
                self.check_single_step(rate, old, new)
            if step % 10 == 0:
                for genome in after:
                    validate(genome)
            pool = after
        for genome in pool:
            validate(genome)
        assert changed > 40

    @staticmethod
    def check_single_step(rate: str, old: Genome, new: Genome) -> None:
        before, after = genes(old), genes(new)
        n_more, n_more_nodes = len(after) - len(before), len(new.nodes) - len(old.nodes)
        kept = [number for number in before if number in after]
        toggled = [number for number in kept if before[number][3] != after[number][3]]
        assert all(before[number][:2] == after[number][:2] for number in kept)
        if rate != "weight_mutation_rate":
            assert all(before[number][2] == after[number][2] for number in kept)
        if rate == "add_connection_rate":
            assert n_more_nodes == 0 and n_more + len(toggled) <= 1 and all(after[number][3] for number in toggled)
        elif rate == "add_node_rate":
            assert (n_more, n_more_nodes, len(toggled)) == ((2, 1, 1) if old.n_enabled else (0, 0, 0))
            assert not any(after[number][3] for number in toggled)
        elif rate == "delete_connection_rate":
            assert n_more == -min(1, len(before)) and not toggled and n_more_nodes <= 0
        elif rate == "delete_node_rate":
            assert (n_more_nodes < 0) == (old.n_hidden > 0) and not toggled and set(after) <= set(before)
        elif rate == "toggle_rate":
            assert (n_more, n_more_nodes, len(toggled)) == (0, 0, min(1, len(before)))
        else:
            assert (n_more, n_more_nodes, len(toggled)) == (0, 0, 0)

    def test_new_structure_starts_as_the_paper_says(self):
        """The way into a new node has weight 1, the way out the old weight."""
        pool, tracker = grown_pool(22, 50, 6)
        for old, new in zip(pool, mutated_many(pool, 1, tracker, replace(STILL, add_node_rate=1.0), 3), strict=True):
            if old.n_enabled:
                split = next(number for number, gene in genes(old).items() if gene[3] and not genes(new)[number][3])
                source, target, weight, _ = genes(old)[split]
                fresh = {gene[:3] for number, gene in genes(new).items() if number not in genes(old)}
                node = next(iter(set(new.nodes["id"].tolist()) - set(old.nodes["id"].tolist())))
                assert fresh == {(source, node, 1.0), (node, target, weight)}

    def test_add_connection_finds_every_legal_pair(self):
        nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 0, 0, 0), (2, 0.0, 1, 0, 0), (3, 0.0, 2, 1, 0), (4, 0.0, 2, 1, 0)]
        genome = make_genome(nodes, [(0, 3, 4, 1.0, True), (1, 0, 2, 1.0, False)])
        pool = GenePool.pack([genome])
        children = mutated_many(pool, 4000, InnovationTracker.following(pool), replace(STILL, add_connection_rate=1.0), 0)
        found = {gene[:2] for child in children for gene in genes(child).values() if gene[3]}
        assert found == {(0, 2), (1, 2), (0, 3), (1, 3), (0, 4), (1, 4), (3, 2), (4, 2), (3, 4)}
        assert {len(genes(child)) for child in children} == {2, 3}

    def test_perturbation_and_replacement_have_their_shares_and_spreads(self):
        nodes = [(0, 0.0, 0, 0, 0), (1, 10.0, 1, 0, 0)]
        genome = make_genome(nodes, [(0, 0, 1, 10.0, True)])
        config = EvolutionConfig(
            add_connection_rate=0, add_node_rate=0, weight_mutation_rate=0.8, bias_mutation_rate=0.3,
            replace_fraction=0.25, perturb_sigma=0.5, weight_sigma=1.0,
        )  # fmt: skip
        pool = GenePool.pack([genome])
        children = mutated_many(pool, 20_000, InnovationTracker.following(pool), config, 1)
        for numbers, rate in ((children.connections["weight"], 0.8), (children.nodes["bias"][1::2], 0.3)):
            replacements, others = numbers[numbers < 6], numbers[numbers >= 6]
            perturbed = others[others != 10.0]
            assert np.mean(numbers != 10.0) == pytest.approx(rate, abs=0.015)
            assert len(replacements) / (rate * len(numbers)) == pytest.approx(0.25, abs=0.02)
            assert (replacements.mean(), replacements.std()) == pytest.approx((0, 1), abs=0.06)
            assert (perturbed.mean(), perturbed.std()) == pytest.approx((10, 0.5), abs=0.03)
        assert not children.nodes["bias"][::2].any()

    def test_functions_are_drawn_from_the_choice_for_hidden_nodes_alone(self):
        genome = two_inputs([(0, 0, 3, 1.0, True), (1, 3, 2, 1.0, True)], hidden=(3,))
        pool = GenePool.pack([genome])
        config = replace(
            STILL,
            activation_mutation_rate=1.0,
            aggregation_mutation_rate=1.0,
            activations=("sin", "gauss"),
            aggregations=("max", "min"),
        )
        children = mutated_many(pool, 500, InnovationTracker.following(pool), config, 1)
        hidden = children.nodes[children.nodes["kind"] == NodeKind.HIDDEN]
        assert set(hidden["activation"].tolist()) == {activation_code("sin"), activation_code("gauss")}
        assert set(hidden["aggregation"].tolist()) == {aggregation_code("max"), aggregation_code("min")}
        outputs = children.nodes[children.nodes["kind"] == NodeKind.OUTPUT]
        assert not outputs["activation"].any() and not outputs["aggregation"].any()

    def test_everything_at_once_keeps_every_rule_for_thousands_of_steps(self):
        everything = dict.fromkeys(RATES, 0.5)
        pool, tracker = grown_pool(23, 40, 20, **everything, activations=("tanh", "sin"), aggregations=("sum", "min"))
        for step in range(60):
            mother, father = np.random.default_rng(step).integers(0, 40, (2, 40))
            mating = Mating(mother, father, mother % 2 == 0, np.ones(40, bool))
            pool = breed(pool, mating, tracker, EvolutionConfig(**everything), np.random.default_rng(step))
            for genome in pool:
                validate(genome)


def slow_distance(a: Genome, b: Genome, config: EvolutionConfig) -> float:
    """Equation 1 of the NEAT paper on dictionaries, with the biases of nodes other than inputs among the numbers."""
    ours, theirs = genes(a), genes(b)
    shared, apart = set(ours) & set(theirs), set(ours) ^ set(theirs)
    border = min(max(ours, default=-1), max(theirs, default=-1))
    n_excess = sum(number > border for number in apart)
    gaps = [abs(ours[number][2] - theirs[number][2]) for number in shared]
    biases = [{node[0]: node[1] for node in g.nodes.tolist() if node[2] != NodeKind.INPUT} for g in (a, b)]
    gaps += [abs(biases[0][node] - biases[1][node]) for node in set(biases[0]) & set(biases[1])]
    size = max(len(ours), len(theirs))
    structure = config.excess_coefficient * n_excess + config.disjoint_coefficient * (len(apart) - n_excess)
    return structure / (size if size >= 20 else 1) + config.weight_coefficient * (sum(gaps) / len(gaps) if gaps else 0.0)


CONFIGS = [EvolutionConfig(), EvolutionConfig(excess_coefficient=2.0, disjoint_coefficient=0.7, weight_coefficient=1.5)]


@pytest.mark.parametrize("config", CONFIGS)
def test_distance_is_that_of_its_slow_twin(config):
    pool, _ = grown_pool(30, 40, 25, delete_node_rate=0.1)
    assert np.diff(pool.connection_start).min() < 20 < np.diff(pool.connection_start).max()
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 40, (400, 2)).tolist()
    genomes = [*pool, two_inputs([]), two_inputs([(50, 0, 2, 1.0, True)])]
    for i, j in [*pairs, (0, 40), (40, 0), (40, 40), (41, 3), (3, 41), (40, 41)]:
        a, b = genomes[i], genomes[j]
        assert compatibility_distance(a, b, config) == pytest.approx(slow_distance(a, b, config), rel=1e-12, abs=1e-12)
        assert compatibility_distance(a, b, config) == compatibility_distance(b, a, config)
        assert compatibility_distance(a, a, config) == 0


@pytest.mark.parametrize("threshold", [0.0, 0.5, 3.0, 1e9])
def test_every_genome_joins_the_first_species_that_is_close_enough(threshold):
    pool, _ = grown_pool(31, 50, 15)
    config = EvolutionConfig()
    known = pool[:3]
    n_species, labels, n_new, used = assign_species(pool, known, threshold, config, np.random.default_rng(0))
    leaders, expected = list(known), []
    for genome in pool:
        close = [k for k, leader in enumerate(leaders) if slow_distance(genome, leader, config) < threshold]
        expected.append(close[0] if close else len(leaders))
        if not close:
            leaders.append(genome)
    assert labels.tolist() == expected and n_species == len(set(expected))
    assert n_new == len(leaders) - 3 and used == threshold


@pytest.mark.parametrize("target", [1, 2, 5, 10, 16])
@pytest.mark.parametrize("threshold", [1e-6, 0.5, 3.0, 1e9])
def test_the_threshold_is_moved_until_the_number_of_species_is_near_its_target(target, threshold):
    """From wherever it stands; the division is the one that the threshold found gives."""
    pool, _ = grown_pool(31, 80, 15)
    config, fixed = EvolutionConfig(target_species=target), EvolutionConfig()
    rng = np.random.default_rng(0)
    for n_known in (0, 1, 8):
        found = assign_species(pool, pool[:n_known], threshold, config, rng)
        assert (target + 1) // 2 <= found.n_species <= 2 * target
        again = assign_species(pool, pool[:n_known], found.threshold, fixed, rng)
        assert again.species.tolist() == found.species.tolist() and again[2:] == found[2:]
        stays = assign_species(pool, pool[:n_known], found.threshold, config, rng)
        assert stays.threshold == found.threshold and stays.species.tolist() == found.species.tolist()


def test_a_threshold_leans_towards_the_target_where_the_number_follows_it():
    config, species = EvolutionConfig(target_species=10), np.arange(100)
    for n_species, expected in ((10, 2.0), (12, 2.1), (20, 2.1), (9, 2 / 1.05), (5, 2 / 1.05), (4, 2.0), (21, 2.0), (1, 2.0)):
        assert next_threshold(Division(n_species, species, 0, 2.0), config) == pytest.approx(expected, rel=1e-12)
    for other in (EvolutionConfig(), EvolutionConfig(target_species=10, speciation="nearest")):
        assert next_threshold(Division(12, species, 0, 2.0), other) == 2.0
    for extreme, n_species in ((1e-300, 9), (1e300, 12)):
        assert next_threshold(Division(n_species, species, 0, extreme), config) == extreme


def nearest(pool: GenePool, leaders: list[Genome], config: EvolutionConfig) -> list[int]:
    """The first of the nearest leaders of every genome."""
    return [int(np.argmin([slow_distance(genome, leader, config) for leader in leaders])) for genome in pool]


@pytest.mark.parametrize("target", [1, 2, 5, 16])
def test_a_target_divides_by_the_nearest_representative(target):
    """Known species first, then as many new ones as are wanted, each around a genome of the largest species."""
    pool, _ = grown_pool(31, 80, 15)
    config = EvolutionConfig(target_species=target, speciation="nearest")
    for n_known in (0, 1, min(target, 3)):
        known = pool[:n_known]
        n_species, labels, n_new, radius = assign_species(pool, known, 3.0, config, np.random.default_rng(0))
        assert len(set(labels.tolist())) == n_species == target and n_known + n_new >= target
        assert labels.max() < n_known + n_new
        if n_new == 0:
            assert labels.tolist() == nearest(pool, list(known), config)
            distances = [slow_distance(pool[k], known[int(label)], config) for k, label in enumerate(labels)]
            assert radius == pytest.approx(max(distances))
        again = assign_species(pool, known, 3.0, config, np.random.default_rng(0))
        assert again.species.tolist() == labels.tolist() and again[2:] == (n_new, radius)


@pytest.mark.parametrize("speciation", ["threshold", "nearest"])
def test_genomes_that_are_alike_are_one_species_whatever_the_target(speciation):
    rng = np.random.default_rng(2)
    genome, other = grown_pool(31, 2, 15)[0]
    config = EvolutionConfig(target_species=10, speciation=speciation)
    for known in (GenePool.pack([]), GenePool.pack([genome]), GenePool.pack([other])):
        found = assign_species(GenePool.pack([genome] * 30), known, 3.0, config, rng)
        assert found.n_species == len(set(found.species.tolist())) == 1 and found.n_new <= 1
    found = assign_species(GenePool.pack([genome, other] * 15), GenePool.pack([]), 1e9, config, rng)
    assert found.n_species == 2 == found.n_new and set(found.species[::2]) != set(found.species[1::2])


@pytest.mark.parametrize(("coefficient", "distance"), [(1.0, 2.0), (1e308, np.inf)])
def test_distances_that_are_all_equal_or_infinite_are_no_trouble(coefficient, distance):
    """No threshold gives ten species, so as many as are not too many; by nearest representative nine genomes stand alone."""
    nodes = [(0, 0.0, 0, 0, 0), (1, 0.0, 1, 0, 0)]
    tied = GenePool.pack(make_genome(nodes, [(k, 0, 1, 0.0, True)]) for k in range(30))
    config = EvolutionConfig(target_species=10, excess_coefficient=coefficient, disjoint_coefficient=coefficient)
    found = assign_species(tied, GenePool.pack([]), 1.0, config, np.random.default_rng(0))
    assert found.n_species == (1 if distance == 2.0 else 30) == len(set(found.species.tolist()))
    found = assign_species(tied, GenePool.pack([]), 1.0, replace(config, speciation="nearest"), np.random.default_rng(0))
    assert sorted(np.bincount(found.species).tolist()) == [1] * 9 + [21] and found.n_new == 10 and found.threshold == distance


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(st.just(0.0), st.floats(1e-12, 1e12)), min_size=1, max_size=40),
    st.integers(1, 600),
    st.integers(0, 39),
)
def test_allocation_is_exact_and_proportional(shares, n_offspring, sure):
    sure %= len(shares)
    allocation = allocate_offspring(np.array(shares), n_offspring, sure)
    assert allocation.sum() == n_offspring and allocation.min() >= 0 and allocation[sure] >= 1
    exact = n_offspring * (np.array(shares) / sum(shares) if sum(shares) else np.full(len(shares), 1 / len(shares)))
    # one place may have been given to the sure species
    assert np.all(np.abs(allocation - exact) < 2)
    if exact[sure] >= 1:
        assert np.all(np.abs(allocation - exact) <= 1 + 1e-9)


def test_ranks_are_shared_by_ties():
    assert rank_fitness(np.array([3.0, -np.inf, 3.0, 7.0, -np.inf])).tolist() == [3.5, 1.5, 3.5, 5.0, 1.5]
    assert rank_fitness(np.full(4, -np.inf)).tolist() == [2.5] * 4


def test_parents_are_survivors_of_their_species():
    rng = np.random.default_rng(0)
    ranks = rank_fitness(rng.random(100))
    members = [np.arange(60), np.arange(60, 100)]
    config = EvolutionConfig(survival=0.2, interspecies_rate=0.0, crossover_rate=0.5, elitism=2)
    mating = plan_mating(members, ranks, np.array([2000, 1000]), config, rng)
    for positions, part in zip(members, (slice(0, 2000), slice(2000, 3000)), strict=True):
        best = positions[np.argsort(-ranks[positions])]
        n_survivors = int(np.ceil(0.2 * len(positions)))
        mother, father = mating.mother[part], mating.father[part]
        assert mother[:2].tolist() == best[:2].tolist() and father[:2].tolist() == [-1, -1]
        assert not mating.mutated[part][:2].any() and mating.mutated[part][2:].all()
        assert set(mother[2:]) | set(father[2:]) - {-1} == set(best[:n_survivors])
        crossed = father >= 0
        assert np.all(ranks[mother[crossed]] > ranks[father[crossed]])
        assert np.mean(crossed[2:]) == pytest.approx(0.5, abs=0.05)
    assert not mating.tie.any()


@pytest.mark.parametrize(
    ("survival", "n_members", "n_survivors"),
    [(0.0, 7, 1), (0.01, 7, 1), (0.3, 7, 3), (0.07, 100, 7), (0.29, 100, 29), (1.0, 7, 7)],
)
def test_a_share_survives_rounded_up_and_one_at_least(survival, n_members, n_survivors):
    """0.07 times 100 is a little more than 7 in floats, and 7 for people."""
    config = EvolutionConfig(survival=survival, crossover_rate=0.0, elitism=0)
    ranks = rank_fitness(np.random.default_rng(0).permutation(n_members))
    mating = plan_mating([np.arange(n_members)], ranks, np.array([4000]), config, np.random.default_rng(1))
    assert set(mating.mother.tolist()) == set(np.argsort(-ranks)[:n_survivors].tolist())


def test_a_share_of_a_number_is_that_of_decimals():
    for number in range(1, 1001):
        for percent in range(101):
            assert part_of(percent / 100, number) == -(-percent * number // 100)
    assert part_of(0.07, 0) == part_of(0.0, 100) == 0 and part_of(1e-6, 100) == 1 and part_of(1 / 3, 3) == 1


@pytest.mark.parametrize(("sizes", "elitism"), [((10, 10), 10), ((1, 1, 1, 1), 1), ((20,), 19), ((4, 1), 9), ((2,), 1)])
def test_something_is_bred_in_every_generation(sizes, elitism):
    """Elites may be all of a species and never all of a generation; the best genome is one of them."""
    config = EvolutionConfig(elitism=elitism, elitism_species_size=0)
    ends = np.cumsum([0, *sizes])
    members = [np.arange(*pair) for pair in zip(ends, ends[1:], strict=False)]
    ranks = rank_fitness(np.random.default_rng(0).permutation(ends[-1]))
    mating = plan_mating(members, ranks, np.array(sizes), config, np.random.default_rng(1))
    kept = mating.mother[~mating.mutated]
    assert len(kept) == min(sum(min(size, elitism) for size in sizes), ends[-1] - 1)
    assert int(np.argmax(ranks)) in kept and len(mating.mother) == ends[-1]


def test_strangers_come_from_all_species_and_ties_are_told():
    ranks = np.full(20, 10.5)
    members = [np.arange(10), np.arange(10, 20)]
    config = EvolutionConfig(survival=1.0, interspecies_rate=1.0, crossover_rate=1.0, elitism=0)
    mating = plan_mating(members, ranks, np.array([4000, 0]), config, np.random.default_rng(0))
    assert set(mating.mother.tolist()) == set(range(10)) and set(mating.father.tolist()) == {-1, *range(20)}
    assert np.mean(mating.father >= 10) == pytest.approx(0.5, abs=0.03)
    np.testing.assert_array_equal(mating.tie, mating.father >= 0)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("add_node_rate", 1.01),
        ("survival", -0.1),
        ("crossover_rate", float("nan")),
        ("perturb_sigma", -1.0),
        ("compatibility_threshold", float("inf")),
        ("population_size", 0),
        ("population_size", 1),
        ("population_size", 2.5),
        ("population_size", "150"),
        ("population_size", True),
        ("population_size", None),
        ("add_node_rate", "0.5"),
        ("add_node_rate", None),
        ("direction", 1),
        ("speciation", "kmeans"),
        ("activations", "tanh"),
        ("target_species", 2.5),
        ("weight_sigma", 1e39),
        ("perturb_sigma", 1e39),
        ("excess_coefficient", 10**400),
        ("elitism", 150),
        ("stagnation", 0),
        ("elitism", -1),
        ("initial_hidden", -1),
        ("initial_hidden", "many"),
        ("target_species", 0),
        ("direction", "max"),
        ("activations", ()),
        ("activations", ("sigmoid", "swish")),
        ("aggregations", ("median",)),
        ("output_activation", "softmax"),
    ],
)
def test_a_setting_out_of_range_is_named(setting, value):
    with pytest.raises(ConfigError, match=setting):
        EvolutionConfig(**{setting: value})


def test_numbers_of_numpy_are_taken_as_plain_ones():
    """What a run's identity is written from holds no types of its own."""
    ours = EvolutionConfig(population_size=np.int64(20), add_node_rate=np.float32(0.5), survival=1, activations=["tanh"])
    assert ours == EvolutionConfig(population_size=20, add_node_rate=0.5, survival=1.0, activations=("tanh",))
    kinds = [type(getattr(ours, name)) for name in ("population_size", "add_node_rate", "survival", "activations")]
    assert kinds == [int, float, float, tuple]


def test_a_threshold_that_can_never_move_is_refused():
    with pytest.raises(ConfigError, match="compatibility_threshold must be above 0 to be moved towards target_species"):
        EvolutionConfig(compatibility_threshold=0, target_species=10)


def test_without_a_target_the_nearest_are_not_asked_for():
    pool, _ = grown_pool(31, 50, 15)
    ways = [EvolutionConfig(speciation=speciation) for speciation in ("nearest", "threshold")]
    first, second = (assign_species(pool, pool[:3], 0.5, config, np.random.default_rng(0)) for config in ways)
    assert first.species.tolist() == second.species.tolist() and first.threshold == second.threshold == 0.5
    assert EvolutionConfig(compatibility_threshold=0).target_species is None


@pytest.mark.parametrize("sigma", ["weight_sigma", "perturb_sigma"])
def test_the_largest_sigma_draws_numbers_that_float32_holds(sigma):
    config = EvolutionConfig(population_size=50, **{sigma: 1e36})
    pool = Population(3, 1, config).ask()
    for parents in (pool, mutated_many(pool, 40, InnovationTracker.following(pool), config, 0)):
        numbers = np.concatenate([parents.connections["weight"], parents.nodes["bias"]])
        assert np.isfinite(numbers.astype(np.float32)).all()


def test_random_genomes_of_any_shape_can_found_a_run():
    config = EvolutionConfig(**dict.fromkeys(RATES, 0.3))
    for seed in range(60):
        genome = random_genome(np.random.default_rng(seed))
        tracker = InnovationTracker.following(GenePool.pack([genome]))
        for child in mutated_many(GenePool.pack([genome]), 10, tracker, config, seed):
            validate(child)

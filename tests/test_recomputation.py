"""Planning of recomputation: the programme against brute force and closed forms, schedules against formula and real tensors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from propneat.base.errors import ConfigError
from propneat.methods.recomputation.architectures import PAPER_NETWORKS
from propneat.methods.recomputation.execution import Instance, execute, run_plainly
from propneat.methods.recomputation.networks import Builder
from propneat.recompute.chen import chen_strategy
from propneat.recompute.families import all_lower_sets, articulation_sets, pruned_lower_sets
from propneat.recompute.graph import Graph, bits, mask_of
from propneat.recompute.programme import Strategy, best_strategy, least_budget, make_family, strategy_peak
from propneat.recompute.schedule import Action, canonical_schedule, plain_schedule, profile, replay, with_liveness


def make_graph(*before: tuple[int, ...], memory: tuple[int, ...] | None = None, time: tuple[int, ...] | None = None) -> Graph:
    ones = (1,) * len(before)
    return Graph(tuple(map(str, range(len(before)))), before, memory or ones, time or ones)


def make_path(n: int) -> Graph:
    return make_graph((), *((k,) for k in range(n - 1)))


TWO_BRANCHES = make_graph((), (0,), (1,), (2,), (0,), (4,), (5,), (3, 6), (7,))
SKIPS = make_graph((), (0,), (1,), (2,), (3,), (4,), (5, 2), (6, 1), (7,), memory=(8, 8, 4, 4, 2, 2, 4, 8, 8))


def random_graph(seed: int, n: int) -> Graph:
    """Some nodes have no predecessor, some no successor; bytes and times may be 0."""
    rng = np.random.default_rng(seed)
    before = [tuple(k for k in range(v) if rng.random() < 0.4) for v in range(n)]
    memory, time = (tuple(rng.integers(0, 9, n).tolist()) for _ in range(2))
    return make_graph(*before, memory=memory, time=time)


def every_lower_set(graph: Graph) -> list[frozenset[int]]:
    subsets = (frozenset(k for k in range(len(graph)) if mask >> k & 1) for mask in range(2 ** len(graph)))
    return [s for s in subsets if all(set(graph.predecessors[v]) <= s for v in s)]


def every_strategy(graph: Graph) -> list[tuple[frozenset[int], ...]]:
    lowers, whole = every_lower_set(graph), frozenset(range(len(graph)))

    def beyond(last: frozenset[int]) -> list[tuple[frozenset[int], ...]]:
        if last == whole:
            return [()]
        return [(larger, *rest) for larger in lowers if last < larger for rest in beyond(larger)]

    return beyond(frozenset())


def plain_cost(graph: Graph, lowers: tuple[frozenset[int], ...]) -> tuple[int, int]:
    """Peak and overhead of a strategy by the paper's formulas, on sets."""
    edges = {(u, v) for v, before in enumerate(graph.predecessors) for u in before}

    def memory(nodes: set[int]) -> int:
        return sum(graph.memory[v] for v in nodes)

    cached: set[int] = set()
    last, peak, overhead = frozenset(), 0, 0
    for lower in lowers:
        part = lower - last
        boundary = {u for u, v in edges if u in lower and v not in lower}
        entering = {v for u, v in edges if u in lower} - lower
        beside = {u for u, v in edges if v in entering} - lower
        peak = max(peak, memory(cached) + 2 * memory(part) + memory(entering) + memory(beside))
        overhead += sum(graph.time[v] for v in part - boundary)
        cached |= boundary
        last = lower
    return peak, overhead


@pytest.mark.parametrize("seed", range(12))
def test_the_exact_programme_finds_what_brute_force_finds(seed):
    graph = random_graph(seed, 5)
    costs = [plain_cost(graph, lowers) for lowers in every_strategy(graph)]
    family = make_family(graph, "exact")
    assert least_budget(family) == min(peak for peak, _ in costs)
    for budget in sorted({peak for peak, _ in costs}):
        overheads = [overhead for peak, overhead in costs if peak <= budget]
        for objective, expected in (("time", min(overheads)), ("memory", max(overheads))):
            found = best_strategy(family, budget, objective)
            sets = tuple(frozenset(bits(lower)) for lower in found.lowers)
            assert plain_cost(graph, sets) == (strategy_peak(found), expected)
            assert strategy_peak(found) <= budget and found.overhead <= expected


@pytest.mark.parametrize("seed", range(6))
def test_lower_sets_and_their_arrays_are_those_of_plain_sets(seed):
    graph = random_graph(seed, 7)
    lowers = all_lower_sets(graph)
    assert sorted(lowers) == sorted(mask_of(lower) for lower in every_lower_set(graph))
    family = make_family(graph, "exact")
    for k, mask in enumerate(family.masks):
        assert graph.is_lower(mask)
        numbers = (graph.memory_of(mask), graph.time_of(mask), graph.incoming_memory(mask))
        assert (family.memory[k], family.time[k], family.incoming[k]) == numbers
        boundary = family.boundary_node[family.boundary_start[k] : family.boundary_start[k + 1]]
        assert mask_of(boundary.tolist()) == graph.boundary(mask)
    assert set(pruned_lower_sets(graph)) <= set(lowers)


@pytest.mark.parametrize("n", [16, 49, 100])
def test_a_path_needs_two_roots_and_one(n):
    """Overheads are those measured once with another program."""
    family = make_family(make_path(n), "exact")
    least = least_budget(family)
    assert least == 2 * round(n**0.5) + 1
    overheads = [best_strategy(family, b, o).overhead for b, o in ((least, "time"), (least, "memory"), (2 * least, "time"))]
    assert overheads == {16: [9, 11, 1], 49: [36, 38, 21], 100: [81, 83, 60]}[n]
    assert best_strategy(family, n).overhead == 2


def test_branches_and_skips_come_out_as_known():
    exact, pruned = make_family(TWO_BRANCHES, "exact"), make_family(TWO_BRANCHES, "pruned")
    assert (len(exact), len(pruned)) == (19, 10)
    assert (least_budget(exact), best_strategy(exact, 8).overhead) == (8, 3)
    assert (least_budget(pruned), best_strategy(pruned, 11).overhead) == (11, 6)
    skips = make_family(SKIPS, "exact")
    assert (len(skips), least_budget(skips), 2 * SKIPS.total_memory) == (10, 48, 96)
    assert [best_strategy(skips, 48, objective).overhead for objective in ("time", "memory")] == [2, 7]


def test_bytes_beyond_32_bits_change_nothing():
    graph = replace(SKIPS, memory=tuple(10**9 * size for size in SKIPS.memory))
    assert least_budget(make_family(graph, "exact")) == 48 * 10**9
    assert best_strategy(make_family(graph, "exact"), 48 * 10**9).overhead == 2


def test_the_least_budget_does_not_depend_on_the_bound_it_starts_from():
    for seed in range(8):
        family = make_family(random_graph(seed, 8), "exact")
        least = least_budget(family)
        assert least_budget(family, least) == least_budget(family, least + 7) == least
        if least:
            with pytest.raises(ConfigError, match=f"the least budget is {least} bytes"):
                best_strategy(family, least - 1)


def strategies_of(graph: Graph) -> list[Strategy]:
    family = make_family(graph, "exact")
    least = least_budget(family)
    return [
        chen_strategy(graph),
        *(best_strategy(family, b, o) for b in (least, least + 3) for o in ("time", "memory")),
        Strategy(graph, (graph.whole,)),
    ]


@pytest.mark.parametrize("seed", range(10))
def test_a_replay_costs_what_the_formulas_say_and_liveness_only_takes_away(seed):
    graph = random_graph(seed, 9)
    for strategy in strategies_of(graph):
        steps = canonical_schedule(strategy)
        found = replay(graph, steps)
        assert (found.peak, found.overhead) == (strategy_peak(strategy), strategy.overhead)
        live = replay(graph, with_liveness(graph, steps))
        assert live.peak <= found.peak and live.overhead == found.overhead
        assert profile(graph, with_liveness(graph, steps))[-1] == 0
    assert replay(graph, plain_schedule(graph)).peak == 2 * graph.total_memory


def test_schedules_that_read_or_free_the_dead_are_refused():
    graph = make_path(3)
    steps = canonical_schedule(Strategy(graph, (1, 3, 7)))
    with pytest.raises(ConfigError, match="reads a dead value"):
        profile(graph, [step for step in steps if step != (Action.COMPUTE, 0)])
    with pytest.raises(ConfigError, match="not there"):
        profile(graph, [(Action.FREE_VALUE, 1), *steps])
    with pytest.raises(ConfigError, match="makes a value that is there"):
        profile(graph, [(Action.COMPUTE, 0), *steps])
    with pytest.raises(ConfigError, match="differentiates by 0 of 3"):
        profile(graph, steps[:3])


def test_chen_cuts_a_path_into_root_many_parts_and_branches_not_at_all():
    assert len(articulation_sets(make_path(16))) == 17
    assert len(chen_strategy(make_path(16)).lowers) in (4, 5)
    inner = mask_of(range(1, 7))
    assert all(lower & inner in (0, inner) for lower in chen_strategy(TWO_BRANCHES).lowers)


def test_graphs_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="topologically"):
        make_graph((1,), ())
    with pytest.raises(ConfigError, match="whole numbers"):
        make_graph((), memory=(-1,))
    with pytest.raises(ConfigError, match="whole numbers"):
        make_graph((), time=(0.5,))
    with pytest.raises(ConfigError, match="as many"):
        make_graph((), memory=(1, 2))
    with pytest.raises(ConfigError, match="family"):
        make_family(make_path(2), "all")
    with pytest.raises(ConfigError, match="objective"):
        best_strategy(make_family(make_path(2), "exact"), 9, "speed")
    with pytest.raises(ConfigError, match="more than 9 lower sets"):
        all_lower_sets(make_graph(*((),) * 10), most=9)


@pytest.mark.parametrize(
    ("name", "n_nodes", "n_sets"),
    [("VGG19", 46, 47), ("ResNet50", 176, 241), ("ResNet152", 516, 581), ("DenseNet161", 568, 569)],
)
def test_networks_have_the_nodes_and_lower_sets_of_the_published_graphs(name, n_nodes, n_sets):
    graph = PAPER_NETWORKS[name].make(1, 224).graph()
    assert (len(graph), len(all_lower_sets(graph))) == (n_nodes, n_sets)


@pytest.mark.parametrize(
    ("name", "millions"), [("VGG19", 143.667), ("ResNet50", 25.557), ("ResNet152", 60.193), ("DenseNet161", 28.681)]
)
def test_networks_have_as_many_parameters_as_is_known(name, millions):
    assert round(PAPER_NETWORKS[name].make(1, 224).n_parameters() / 1e6, 3) == millions


def every_kind():
    """A small network with every kind of operation, a value with three readers, and an auxiliary loss."""
    b = Builder((3, 2, 20, 20))
    x = b.max_pool(b.local_norm(b.relu(b.batch_norm(b.convolution(-1, 4, 3)))), 3, 2, ceil=True)
    down = b.convolution(x, 4, 3, stride=2)
    up = b.relu(b.up_convolution(down, 3))
    y = b.concat(x, b.resize(b.pool_to(x, 2), b.shape_of(up)[2:]), up)
    side = b.cross_entropy(b.linear(b.dropout(b.average_pool(x, 2, 2), 0.5), 5))
    b.add("tanh", (y,), b.shape_of(y))
    main = b.cross_entropy(b.linear(b.sum(len(b.operations) - 1, y, weights=(2.0, 0.5)), 5))
    b.sum(side, main, weights=(0.3, 1.0))
    return b.network("every kind")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_schedule_followed_with_tensors_holds_the_bytes_predicted_and_gives_the_bits_of_backpropagation(dtype):
    network = every_kind()
    graph, instance = network.graph(str(dtype).split(".")[1]), Instance.make(network, 3, dtype)
    plain = run_plainly(instance)
    family = make_family(graph, "pruned")
    least = least_budget(family)
    strategies = [best_strategy(family, least, o) for o in ("time", "memory")] + [chen_strategy(graph)]
    for steps in (plain_schedule(graph), *(canonical_schedule(strategy) for strategy in strategies)):
        for schedule in (steps, with_liveness(graph, steps)):
            found = execute(instance, schedule)
            assert found.live == profile(graph, schedule)
            assert found.loss == plain.loss
            assert found.n_computed == sum(action is Action.COMPUTE for action, _ in schedule)
            for ours, theirs in zip(found.gradients, plain.gradients, strict=True):
                assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert any(gradient.abs().max() > 1e-3 for gradients in plain.gradients for gradient in gradients.values())


def test_following_a_schedule_that_frees_too_early_fails():
    network = every_kind()
    graph = network.graph("float64")
    steps = with_liveness(graph, plain_schedule(graph))
    first_free = next(k for k, (action, _) in enumerate(steps) if action is Action.FREE_VALUE)
    moved = [*steps[:1], (Action.FREE_VALUE, 0), *steps[1:]]
    assert first_free > 1
    with pytest.raises(KeyError):
        execute(Instance.make(network, 0), moved)

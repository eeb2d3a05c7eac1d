"""Functions of one's own compute and learn as built-in ones of the same formula, and are refused where they have no form."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from engine_cases import assert_close, make_pool, make_samples

from propneat import Activation, Aggregation, Controller, EvolutionConfig, register_activation, register_aggregation
from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import compile_genome, compile_pool, compile_programs, evaluate
from propneat.compiler.evaluation import evaluate_pool
from propneat.compiler.network import CompiledNetwork
from propneat.compiler.recurrent_network import RecurrentNetwork
from propneat.genome import (
    ACTIVATIONS,
    AGGREGATIONS,
    GenePool,
    Genome,
    activation_code,
    aggregation_code,
    find_activation,
    find_aggregation,
    genome_from_document,
    genome_to_document,
    make_genome,
)
from propneat.genome.graph_form import from_networkx, to_networkx
from propneat.settings.control_config import ControlConfig
from propneat.settings.evolve_config import EvolveConfig
from propneat.training import TrainingConfig, train_population

PAIRS = {"tanh": "own_functions:tanh", "gauss": "own_functions:gauss"}
JOINS = {"sum": "own_functions:total", "product": "own_functions:times"}
NORM = "own_functions:norm"


def total(terms):
    return terms.sum(axis=0)


@pytest.fixture(autouse=True)
def known():
    for name in PAIRS.values():
        assert find_activation(name)
    for name in (*JOINS.values(), NORM):
        assert find_aggregation(name)


def twins() -> tuple[GenePool, GenePool]:
    """Genomes whose nodes are tanh and gauss of sums and products as they are built in, and the same with those of one's own."""
    pool = make_pool(3, 8, aggregations=(0,))
    built_in, own = pool.nodes.copy(), pool.nodes.copy()
    for nodes, names, joins in ((built_in, PAIRS, JOINS), (own, PAIRS.values(), JOINS.values())):
        codes = np.array([activation_code(name) for name in names], np.int8)
        ways = np.array([aggregation_code(name) for name in joins], np.int8)
        inner = nodes["kind"] != 0
        nodes["activation"][inner] = codes[np.arange(inner.sum()) % 2]
        nodes["aggregation"][inner] = ways[np.arange(inner.sum()) // 2 % 2]
    return tuple(GenePool(nodes, pool.node_start, pool.connections, pool.connection_start) for nodes in (built_in, own))


def joined(pool: GenePool, name: str) -> GenePool:
    """The pool with all nodes but inputs joined in one way."""
    nodes = pool.nodes.copy()
    nodes["aggregation"][nodes["kind"] != 0] = aggregation_code(name)
    return GenePool(nodes, pool.node_start, pool.connections, pool.connection_start)


def test_they_compute_and_learn_what_built_in_ones_do():
    built_in, own = twins()
    X = np.random.default_rng(0).normal(size=(40, 4))
    np.testing.assert_allclose(evaluate_pool(own, X), evaluate_pool(built_in, X), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(
        evaluate(compile_genome(own[2]), X[:1]), evaluate(compile_genome(built_in[2]), X[:1]), rtol=1e-12
    )
    samples, config = make_samples(1, "mse", 60), TrainingConfig("mse", epochs=5, learning_rate=0.03, batch_size=20)
    expected = train_population(compile_pool(built_in), samples, config, np.random.default_rng(0), engine="layered")
    for engine in ("layered", "naive", "padded"):
        found = train_population(compile_pool(own), samples, config, np.random.default_rng(0), engine=engine)
        assert_close(found, expected, rtol=1e-3, atol=1e-5)
    assert not np.allclose(expected.weights, compile_pool(own).weights, atol=1e-2)


def test_one_term_is_joined_as_well_as_many_and_no_term_is_0():
    pool, X = joined(make_pool(5, 12), NORM), np.random.default_rng(1).normal(size=(30, 4))
    n_terms = np.concatenate([np.diff(plan.edge_start)[plan.n_inputs :] for plan in compile_pool(pool)])
    assert {0, 1, 2, 3} <= set(n_terms.tolist())
    answers = evaluate_pool(pool, X)
    for plan, expected in zip(compile_pool(pool), answers, strict=True):
        found = CompiledNetwork(plan, torch.float64)(torch.tensor(X)).detach().numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    samples, config = make_samples(1, "mse", 60), TrainingConfig("mse", epochs=4, learning_rate=0.01)
    engines = ("layered", "naive", "padded")
    layered, *others = (
        train_population(compile_pool(pool), samples, config, np.random.default_rng(0), engine=engine) for engine in engines
    )
    for other in others:
        assert_close(other, layered, rtol=1e-3, atol=1e-5)


def test_a_single_connection_joins_by_the_function():
    nodes = [(0, 0.0, 0, 0, 0), (1, 0.5, 1, 0, aggregation_code(NORM))]
    genome = make_genome(nodes, [(0, 0, 1, -2.0, True)])
    np.testing.assert_allclose(evaluate(compile_genome(genome), np.array([[3.0]])), [[6.5]], rtol=1e-6)


def test_networks_with_a_memory_have_them_too():
    genome = make_genome(
        [(0, 0.0, 0, 0, 0), (1, 0.1, 1, 0, 0), (2, 0.2, 2, 3, aggregation_code(NORM), 3.0)],
        [(0, 0, 2, 1.5, True, False), (1, 2, 2, 0.7, True, True), (2, 2, 1, 1.0, True, False)],
    )
    X = np.random.default_rng(2).normal(size=(3, 7, 1))
    plan = compile_genome(genome)
    found = RecurrentNetwork(plan, torch.float64)(torch.tensor(X))[0].detach().numpy()
    np.testing.assert_allclose(found, evaluate(plan, X), rtol=1e-9)


OTHER_PROCESS = """
import pickle, sys
import numpy as np
from propneat.compiler import compile_genome, evaluate
from propneat.genome import find_activation, find_aggregation
sys.path.insert(0, sys.argv[2])
# other codes than in the process that wrote
assert find_aggregation("own_functions:norm") and find_activation("own_functions:gauss")
for thing in pickle.load(open(sys.argv[1], "rb")):
    plans = [thing] if hasattr(thing, "n_slots") else list(thing) if hasattr(thing, "slot_start") else map(compile_genome, thing)
    print(*(evaluate(plan, np.full((1, 4), 0.3)).tobytes().hex() for plan in plans))
"""


def test_a_pickle_holds_names_and_not_codes(tmp_path):
    own = twins()[1]
    X = np.full((1, 4), 0.3)
    expected = [evaluate(plan, X).tobytes().hex() for plan in compile_pool(own)]
    things = [own, list(own), compile_pool(own), compile_pool(own)[0]]
    path, here = tmp_path / "things.pickle", str(Path(__file__).parent)
    path.write_bytes(pickle.dumps(things))
    command = [sys.executable, "-c", OTHER_PROCESS, str(path), here]
    told = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.splitlines()
    assert [line.split() for line in told] == [expected, expected, expected, expected[:1]]
    lost = subprocess.run([*command[:-1], "/"], capture_output=True, text=True, cwd=tmp_path).stderr
    assert "'own_functions:norm' cannot be imported: No module named 'own_functions'" in lost.splitlines()[-1]
    built_in = twins()[0]
    assert pickle.dumps(built_in[0].__getstate__()) == pickle.dumps(vars(built_in[0]))
    again = pickle.loads(pickle.dumps(own[0]))
    assert again == own[0] and not again.nodes.flags.writeable and isinstance(again, Genome)


def test_files_hold_their_names():
    genome = twins()[1][1]
    document = genome_to_document(genome)
    assert {node["activation"] for node in document["nodes"]} == {"identity", *PAIRS.values()}
    assert {node["aggregation"] for node in document["nodes"]} == {"sum", *JOINS.values()}
    assert genome_from_document(json.loads(json.dumps(document))) == genome == from_networkx(to_networkx(genome))
    for name, said in (
        ("nowhere_at_all:bump", "No module named 'nowhere_at_all'"),
        ("own_functions:bump", "has no attribute 'bump'"),
        ("own_functions:plain", "must be a propneat.Activation"),
        ("own_functions:wrong", "its function rises by"),
        ("bump", "must be one of identity"),
        ("a b:c", "must be one of identity"),
    ):
        document["nodes"][-1]["activation"] = name
        with pytest.raises(GenomeError, match=said):
            genome_from_document(document)
    document["nodes"][-1]["activation"] = "tanh"
    for name, said in (
        ("nowhere_at_all:mix", "aggregation of node .* is not there: .*No module named 'nowhere_at_all'"),
        ("own_functions:plain", "must be a propneat.Aggregation"),
        ("own_functions:tanh", "must be a propneat.Aggregation, a function with its derivative, not Activation"),
        ("own_functions:crooked", "its function rises by"),
        ("mix", "must be one of sum"),
    ):
        document["nodes"][-1]["aggregation"] = name
        with pytest.raises(GenomeError, match=said):
            genome_from_document(document)


def test_what_is_no_activation_is_named():
    for name, activation, said in (
        ("bump", Activation(np.tanh, np.tanh), "named package.module:NAME"),
        ("m:bump", np.tanh, "must be a propneat.Activation"),
        ("m:bump", Activation(np.tanh, np.cos), "the derivative of the activation 'm:bump'"),
        ("m:bump", Activation(np.sum, np.cos), "element by element"),
        ("m:bump", Activation(np.log, lambda z: 1 / z), "not a finite number"),
    ):
        with pytest.raises(ConfigError, match=said):
            register_activation(name, activation)
    for name, aggregation, said in (
        ("mix", Aggregation(total, np.ones_like), "an aggregation of your own is named package.module:NAME"),
        ("m:mix", total, "must be a propneat.Aggregation"),
        ("m:mix", Aggregation(total, np.zeros_like), "derivative of the aggregation 'm:mix' by term 1 is 0"),
        ("m:mix", Aggregation(np.abs, np.ones_like), "joins every column of terms to one number"),
        ("m:mix", Aggregation(total, total), "its derivative has one for every term"),
        ("m:mix", Aggregation(lambda t: t[0], np.ones_like), "in another order"),
        ("m:mix", Aggregation(lambda t: total(t) - total(t).mean(), np.ones_like), "beside other rows"),
        ("m:mix", Aggregation(lambda t: np.log(total(t)), lambda t: 1 / total(t) + 0 * t), "not always a finite number"),
    ):
        with pytest.raises(ConfigError, match=said):
            register_aggregation(name, aggregation)
    assert "m:mix" not in AGGREGATIONS and AGGREGATIONS.n_codes >= len(AGGREGATIONS) + 3
    assert "m:bump" not in ACTIVATIONS and ACTIVATIONS.n_codes >= len(ACTIVATIONS) + 2
    register_activation(PAIRS["tanh"], Activation(np.sin, np.cos))
    try:
        assert ACTIVATIONS.own(activation_code(PAIRS["tanh"])).function is np.sin
    finally:
        register_activation(PAIRS["tanh"], Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2))


def test_what_is_compiled_refuses_aggregations():
    own, name = joined(make_pool(5, 12), NORM), "'own_functions:norm', an aggregation of your own"
    with pytest.raises(GenomeError, match=f"compiled code has no form of {name}"):
        compile_programs(compile_pool(own))
    samples, rng = make_samples(1, "mse", 5), np.random.default_rng(0)
    for place, said in (
        ({"engine": "numba"}, f"'numba' has no code for {name}: choose engine 'layered'"),
        ({"engine": "triton"}, f"'triton' has no code for {name}"),
        ({"engine": "layered", "memory_budget": 10**6}, f"no memory budget with {name}: leave memory_budget out"),
    ):
        with pytest.raises(ConfigError, match=said):
            train_population(compile_pool(own), samples, TrainingConfig("mse"), rng, **place)
    evolution = EvolutionConfig(aggregations=("sum", NORM))
    with pytest.raises(ConfigError, match=f"no code for {name}"):
        EvolveConfig(evolution=evolution)
    with pytest.raises(ConfigError, match=f"compiled, and {name}, has no such form"):
        ControlConfig("CartPole-v1", evolution=evolution)
    with pytest.raises(ConfigError, match="the aggregation 'nowhere_at_all:mix' cannot be imported"):
        EvolutionConfig(aggregations=("nowhere_at_all:mix",))


def test_what_is_compiled_refuses_them():
    own, name = twins()[1], "activation of your own"
    with pytest.raises(GenomeError, match=f"compiled code has no form of 'own_functions:.*{name}"):
        compile_programs(compile_pool(own))
    with pytest.raises(GenomeError, match=name):
        Controller(own[1])
    for engine in ("numba", "triton"):
        with pytest.raises(ConfigError, match=f"{engine}.*choose engine 'layered'"):
            train_population(
                compile_pool(own), make_samples(1, "mse", 5), TrainingConfig("mse"), np.random.default_rng(0), engine=engine
            )
    evolution = EvolutionConfig(activations=("relu", PAIRS["tanh"]))
    with pytest.raises(ConfigError, match="choose engine 'layered'"):
        EvolveConfig(evolution=evolution)
    with pytest.raises(ConfigError, match="networks that act are compiled"):
        ControlConfig("CartPole-v1", evolution=EvolutionConfig(output_activation=PAIRS["tanh"]))
    with pytest.raises(ConfigError, match="No module named 'nowhere_at_all'"):
        EvolutionConfig(activations=("nowhere_at_all:bump",))


SMALL = (
    "--no-report",
    "--generations",
    "2",
    "--populations",
    "1",
    "--population",
    "6",
    "--fine-tune-epochs",
    "2",
    "--prune-epochs",
    "1",
)


def test_a_run_evolves_with_one_that_lies_in_its_folder(run, folder):
    Path("mine.py").write_text(
        "import numpy as np\nfrom propneat import Activation, Aggregation\n\n"
        "bump = Activation(np.arctan, lambda z: 1 / (1 + z**2))\n"
        "middle = Aggregation(lambda terms: terms.mean(axis=0), lambda terms: np.ones_like(terms) / len(terms))\n"
    )
    rows = np.random.default_rng(0).normal(size=(60, 3)).round(3)
    lines = [f"{a},{b},{c},{int(a * b > 0)}" for a, b, c in rows.tolist()]
    Path("made.csv").write_text("\n".join(["a,b,c,target", *lines]) + "\n")
    words = ("evolve", "made.csv", *SMALL, "--activations", "mine:bump", "--out", "a", "--quiet")
    code, out, err = run(*words)
    assert code == 2 and out == "" and "choose engine 'layered'" in err and not Path("a").exists()
    code, out, err = run(*words, "--engine", "layered")
    assert code == 0, err
    nodes = json.loads(Path("a/champion.json").read_text())["nodes"]
    assert {node["activation"] for node in nodes if node["kind"] == "hidden"} <= {"mine:bump"}
    assert run("evolve", "--resume", "a", "--generations", "3", "--quiet")[0] == 0
    code, _, err = run("evolve", "made.csv", *SMALL, "--aggregations", "sum,mine:middle", "--out", "b", "--quiet")
    assert code == 2 and "'mine:middle', an aggregation of your own: choose engine 'layered'" in err
    words = ("made.csv", *SMALL, "--prune-epochs", "0", "--aggregations", "mine:middle", "--engine", "layered", "--quiet")
    assert run("evolve", *words, "--out", "b")[0] == 0
    assert run("evolve", "--resume", "b", "--generations", "3", "--quiet")[0] == 0
    assert run("evolve", *words, "--generations", "3", "--out", "c")[0] == 0
    resumed, whole = (json.loads(Path(name, "champion.json").read_text()) for name in ("b", "c"))
    assert resumed == whole
    assert {node["aggregation"] for node in whole["nodes"] if node["kind"] == "hidden"} == {"mine:middle"}
    code, _, err = run("export", "b/champion.json", "--to", "c", "--out", "made.c")
    assert code == 2 and "'mine:middle', an aggregation of your own" in err
    assert run("predict", "b/champion.json", "made.csv")[0] == 0 and run("export", "b/champion.json", "--to", "dot")[0] == 0
    code, out, _ = run("show", "a/champion.json")
    assert code == 0
    own = [node for node in nodes if node["activation"] == "mine:bump"]
    assert own
    for form in ("c", "excel", "html", "js", "latex", "micropython", "onnx", "python", "sql", "sympy", "torch"):
        code, out, err = run("export", "a/champion.json", "--to", form, "--out", f"made.{form}")
        assert (code, out) == (2, "") and "'mine:bump', an activation of your own" in err, form
        assert err.count("\n") == 1 and not Path(f"made.{form}").exists()
    for form in ("json", "dot", "graphml", "svg"):
        assert run("export", "a/champion.json", "--to", form, "--out", f"made.{form}")[0] == 0, form
    assert "mine:bump" in Path("made.json").read_text() and "mine:bump" in Path("made.graphml").read_text()

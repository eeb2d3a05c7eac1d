"""Activations of one's own compute and learn as built-in ones of the same formula, and are refused where they have no form."""

import json
from pathlib import Path

import numpy as np
import pytest
from engine_cases import assert_close, make_pool, make_samples

from propneat import Activation, Controller, EvolutionConfig, register_activation
from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import compile_genome, compile_pool, compile_programs, evaluate
from propneat.compiler.evaluation import evaluate_pool
from propneat.genome import ACTIVATIONS, GenePool, activation_code, find_activation, genome_from_document, genome_to_document
from propneat.genome.graph_form import from_networkx, to_networkx
from propneat.settings.control_config import ControlConfig
from propneat.settings.evolve_config import EvolveConfig
from propneat.training import TrainingConfig, train_population

PAIRS = {"tanh": "own_activations:tanh", "gauss": "own_activations:gauss"}


@pytest.fixture(autouse=True)
def known():
    for name in PAIRS.values():
        assert find_activation(name)


def twins() -> tuple[GenePool, GenePool]:
    """Genomes whose nodes are tanh and gauss as they are built in, and the same with those of one's own."""
    pool = make_pool(3, 8, aggregations=(0,))
    built_in, own = pool.nodes.copy(), pool.nodes.copy()
    for nodes, names in ((built_in, PAIRS), (own, PAIRS.values())):
        codes = np.array([activation_code(name) for name in names], np.int8)
        inner = nodes["kind"] != 0
        nodes["activation"][inner] = codes[np.arange(inner.sum()) % 2]
    return tuple(GenePool(nodes, pool.node_start, pool.connections, pool.connection_start) for nodes in (built_in, own))


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


def test_files_hold_their_names():
    genome = twins()[1][1]
    document = genome_to_document(genome)
    assert {node["activation"] for node in document["nodes"]} == {"identity", *PAIRS.values()}
    assert genome_from_document(json.loads(json.dumps(document))) == genome == from_networkx(to_networkx(genome))
    for name, said in (
        ("nowhere_at_all:bump", "No module named 'nowhere_at_all'"),
        ("own_activations:bump", "has no attribute 'bump'"),
        ("own_activations:plain", "must be a propneat.Activation"),
        ("own_activations:wrong", "its function rises by"),
        ("bump", "must be one of identity"),
        ("a b:c", "must be one of identity"),
    ):
        document["nodes"][-1]["activation"] = name
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
    assert "m:bump" not in ACTIVATIONS and ACTIVATIONS.n_codes >= len(ACTIVATIONS) + 2
    register_activation(PAIRS["tanh"], Activation(np.sin, np.cos))
    try:
        assert ACTIVATIONS.own(activation_code(PAIRS["tanh"])).function is np.sin
    finally:
        register_activation(PAIRS["tanh"], Activation(np.tanh, lambda z: 1 - np.tanh(z) ** 2))


def test_what_is_compiled_refuses_them():
    own, name = twins()[1], "activation of your own"
    with pytest.raises(GenomeError, match=f"compiled code has no form of 'own_activations:.*{name}"):
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
        "import numpy as np\nfrom propneat import Activation\n\nbump = Activation(np.arctan, lambda z: 1 / (1 + z**2))\n"
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

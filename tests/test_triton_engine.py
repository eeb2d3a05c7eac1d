"""Laws of the Triton engine by Triton's interpreter: the layered networks' gradients and training, the same bits in any company.

The interpreter takes milliseconds for an operation, so populations and tiles are tiny. That the kernels compile for a GPU is
shown apart; how they run on one is not shown here.
"""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from engine_cases import (
    assert_close,
    assert_gradients_agree,
    assert_same_bits,
    every_function_pool,
    expected_loss_and_gradient,
    ladder_pool,
    linear_pool,
    make_pool,
    make_samples,
    numbers_of,
    one_batch,
    train_in_float64,
)

from propneat.base.errors import ConfigError
from propneat.compiler import compile_pool
from propneat.genome import ACTIVATIONS, GenePool, activation_code, make_genome
from propneat.training import LOSSES, Samples, TrainingConfig, train_population, triton_engine

with pytest.MonkeyPatch.context() as patch:
    # triton decides when a kernel is defined whether it will be interpreted
    patch.setenv("TRITON_INTERPRET", "1")
    pytest.importorskip("triton", reason="triton is not installed: pip install 'propneat[gpu]'")
    import propneat.training.triton_kernels


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    monkeypatch.setattr(triton_engine, "TILE_ROWS", 8)
    # numpy, which stands in for the GPU, would warn where a GPU overflows in silence
    with np.errstate(over="ignore", invalid="ignore"):
        yield


def train(pool: GenePool, samples: Samples, config: TrainingConfig, validation: Samples | None = None, memory_budget=None):
    return train_population(
        compile_pool(pool), samples, config, np.random.default_rng(0), validation=validation, engine="triton",
        memory_budget=memory_budget,
    )  # fmt: skip


def small_pool(seed: int, n_genomes: int) -> GenePool:
    return make_pool(seed, n_genomes, max_hidden=3)


def assert_gradients_of_layered_networks(pool: GenePool, loss: str, n_rows: int) -> None:
    plan, samples = compile_pool(pool), make_samples(2, loss, n_rows)
    batch = one_batch(samples, torch.float32, n_filling=-n_rows % 8)
    gradient = triton_engine.TritonGradient(plan, loss, torch.device("cpu"), len(batch.shares), 2)
    losses, found = gradient.loss_and_gradient(numbers_of(plan, torch.float32), batch)
    expected_losses, expected = expected_loss_and_gradient(loss, plan, samples)
    assert_gradients_agree(plan, found.numpy(), expected, 1e-5)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-5)
    assert torch.equal(gradient.loss(numbers_of(plan, torch.float32), batch), losses)


def test_gradients_of_every_function_are_those_of_the_layered_networks():
    assert_gradients_of_layered_networks(every_function_pool(), "mse", 7)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradients_of_random_genomes_are_those_of_the_layered_networks(loss, monkeypatch):
    """Three tiles in two parts, so that gradients are added up in both ways."""
    monkeypatch.setattr(triton_engine, "MOST_PARTS", 2)
    assert_gradients_of_layered_networks(small_pool(1, 4), loss, 21)


def test_a_deep_network_is_walked_from_end_to_end():
    assert_gradients_of_layered_networks(ladder_pool(15), "bce", 5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_large_values_neither_spoil_an_answer_nor_a_gradient(activation):
    """Finite values have finite slopes, and answers near those of float64; the slope of a saturated one is near 0."""
    nodes = [(k, 0.0, 0, 0, 0) for k in range(4)]
    nodes += [(4, 0.0, 1, activation_code(activation), 0), (5, 0.0, 1, 0, 0)]
    plan = compile_pool(GenePool.pack([make_genome(nodes, [(0, 0, 4, 1.0, True)])]))
    X = np.zeros((8, 4))
    X[:, 0] = [-1000, -100, -30, -3, 3, 30, 100, 1000]
    samples = Samples.make(X, np.zeros((8, 2)))
    gradient = triton_engine.TritonGradient(plan, "mse", torch.device("cpu"), 8, 1)
    losses, found = gradient.loss_and_gradient(numbers_of(plan, torch.float32), one_batch(samples, torch.float32))
    expected_losses, expected = expected_loss_and_gradient("mse", plan, samples)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("loss", "optimiser"), [("bce", "adam"), ("cross_entropy", "adadelta"), ("rmse", "adam")])
def test_training_is_that_of_the_layered_engine(loss, optimiser):
    """Mini-batches, L2, early stop, and a batch that has no weight."""
    pool = small_pool(6, 2)
    samples, validation = make_samples(1, loss, 24), make_samples(2, loss, 8)
    weights = np.array(samples.weights)
    weights[np.random.default_rng(0).permutation(24)[8:16]] = 0
    samples = replace(samples, weights=weights)
    rate = 0.1 if optimiser == "adam" else 2.0
    config = TrainingConfig(loss, epochs=3, optimiser=optimiser, learning_rate=rate, batch_size=8, l2=2.0, patience=2)
    ours, theirs = train(pool, samples, config, validation), train_in_float64(pool, samples, config, validation)
    assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    assert not np.allclose(ours.weights, compile_pool(pool).weights, atol=1e-2)


def test_company_and_budget_change_no_bit():
    pool, samples, config = small_pool(11, 3), make_samples(1, "bce", 12), TrainingConfig(epochs=2)
    plan = compile_pool(pool)
    together = train(pool, samples, config)
    assert_same_bits(together, train(pool, samples, config, memory_budget=triton_engine.scratch_bytes(plan)))
    for g in (0, 2):
        alone = train(pool[g : g + 1], samples, config)
        edges, slots = (slice(start[g], start[g + 1]) for start in (plan.genome_edge_start, plan.slot_start))
        assert together.weights[edges].tobytes() == alone.weights.tobytes()
        assert together.biases[slots].tobytes() == alone.biases.tobytes()
    needed = triton_engine.scratch_bytes(plan)
    with pytest.raises(ConfigError, match=f"within {needed - 1} bytes is not possible: the triton engine needs {needed} bytes"):
        train(pool, samples, config, memory_budget=needed - 1)


def test_the_number_of_programs_changes_no_bit():
    plan, samples = compile_pool(small_pool(12, 3)), make_samples(1, "mse", 16)
    answers = []
    for n_programs in (1, 4):
        gradient = triton_engine.TritonGradient(plan, "mse", torch.device("cpu"), 16, n_programs)
        losses, found = gradient.loss_and_gradient(numbers_of(plan, torch.float32), one_batch(samples, torch.float32))
        answers.append(losses.numpy().tobytes() + found.numpy().tobytes())
    assert len(set(answers)) == 1


@pytest.mark.parametrize("bad", [1e30, np.inf, np.nan])
def test_a_gradient_that_is_not_finite_stops_its_genome_and_no_other(bad):
    pool, samples = linear_pool(None, 1.0, None), make_samples(1, "mse", 8)
    samples.X[7, 0] = bad
    trained = train(pool, samples, TrainingConfig("mse", epochs=2), samples)
    np.testing.assert_array_equal(trained.epochs, [2, 0, 2])
    np.testing.assert_array_equal(np.isnan(trained.train_loss), [False, True, False])
    np.testing.assert_array_equal(trained.weights[2:5], [1.0, 0.5, 1.0])
    clean = train(pool[:1], samples, TrainingConfig("mse", epochs=2), samples)
    for part in (slice(0, 2), slice(5, 7)):
        assert trained.weights[part].tobytes() == clean.weights.tobytes()
    assert not np.isfinite(trained.validation_loss[1]) and np.isfinite(trained.validation_loss[[0, 2]]).all()


@pytest.mark.parametrize("aggregation", [3, 4])
def test_of_tied_extremes_the_first_edge_learns_and_nan_is_not_overlooked(aggregation):
    nodes = [(k, 0.0, 0, 0, 0) for k in range(4)] + [(4, 0.0, 1, 0, aggregation), (5, 0.0, 1, 0, 0)]
    weights = [-1.0 if aggregation == 3 else 1.0, 0.5, 0.5, 0.5]
    pool = GenePool.pack([make_genome(nodes, [(k, k, 4, weight, True) for k, weight in enumerate(weights)])])
    samples = Samples.make(np.ones((3, 4)), np.zeros((3, 2)))
    trained = train(pool, samples, TrainingConfig("mse", epochs=1))
    np.testing.assert_array_equal(trained.weights != weights, [False, True, False, False])
    spoilt = replace(samples, X=np.where(np.arange(4) == 2, np.float32(np.nan), samples.X))
    assert np.isnan(train(pool, samples, TrainingConfig("mse", epochs=1), spoilt).validation_loss[0])
    assert train(pool, spoilt, TrainingConfig("mse", epochs=1)).epochs[0] == 0


def test_without_triton_the_package_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "propneat.training.triton_kernels")
    monkeypatch.delitem(sys.modules, "propneat.training.triton_nodes")
    monkeypatch.delattr(propneat.training, "triton_kernels")
    with pytest.raises(ConfigError, match=r"needs the package triton, which is not installed: pip install 'propneat\[gpu\]'"):
        train(small_pool(1, 1), make_samples(1, "bce", 5), TrainingConfig())


COMPILED = """
import sys
import numpy as np
import propneat
from propneat.compiler import compile_pool
from propneat.base.errors import ConfigError
from propneat.genome import GenePool, make_genome
from propneat.training import Samples, TrainingConfig, train_population

plan = compile_pool(GenePool.pack([make_genome([(0, 0.0, 0, 0, 0), (1, 0.0, 1, 0, 0)], [(0, 0, 1, 1.0, True)])]))
samples = Samples.make(np.ones((3, 1)), np.ones(3))
for engine in ("numba", "padded"):
    train_population(plan, samples, TrainingConfig(epochs=1), np.random.default_rng(0), engine=engine)
assert "triton" not in sys.modules
try:
    train_population(plan, samples, TrainingConfig(), np.random.default_rng(0), engine="triton")
except ConfigError as error:
    print(error)

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from propneat.training.triton_kernels import add_parts, walk_population

FLOATS = ("numbers", "X", "targets", "shares", "losses", "parts", "sums", "scratch")

def binary(kernel, **constants):
    kinds = {name: "*fp32" if name in FLOATS else "*i32" for name in kernel.arg_names}
    kinds |= {name: "i32" for name in kernel.arg_names if name.startswith(("n_", "most_"))}
    source = ASTSource(kernel, kinds | dict.fromkeys(constants, "constexpr"), constants)
    return triton.compile(source, target=GPUTarget("cuda", 80, 32), options={"num_warps": 1}).asm

assert binary(add_parts, WIDTH=256)["cubin"]
for loss in range(4):
    code = binary(walk_population, LOSS=loss, BACKWARD=loss % 2 == 1, ROWS=128)
    assert code["cubin"] and "atom" not in code["ptx"] and "red.global" not in code["ptx"]
print("compiled")
"""


def test_kernels_compile_for_a_gpu_and_are_refused_without_one(tmp_path):
    """Triton brings its own assembler, so that no GPU is needed to make the code for one."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment["TRITON_CACHE_DIR"] = str(tmp_path)
    script = tmp_path / "compiled.py"
    script.write_text(COMPILED)
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment)
    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines() == [
        "the triton engine works on a GPU, not on 'cpu': choose --device cuda, or engine 'padded' or 'numba'",
        "compiled",
    ]

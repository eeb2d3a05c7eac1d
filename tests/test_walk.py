"""Laws of compiled walks: the values of the reference evaluator, step after step, and nothing but a row in its answer."""

import pickle

import numba
import numpy as np
import pytest
from random_genomes import random_genome, random_recurrent_genome

from propneat.base.errors import GenomeError
from propneat.compiler import compile_pool, compile_programs, evaluate, evaluate_pool
from propneat.compiler.reference import evaluate as reference
from propneat.compiler.walk import step, step_once
from propneat.genome import ACTIVATIONS, AGGREGATIONS, GenePool, NodeKind, make_genome


def drawn(seed: int, n_genomes: int, make=random_genome, scale: float = 0.35) -> GenePool:
    rng = np.random.default_rng(seed)
    return GenePool.pack(make(rng, n_inputs=4, n_outputs=2, scale=scale) for _ in range(n_genomes))


def part(programs, g):
    """The program of one genome, and a memory for it."""
    code, numbers = programs.code[programs.code_start[g] :], programs.numbers[programs.number_start[g] :]
    return code, numbers, np.zeros(programs.slot_start[g + 1] - programs.slot_start[g])


def one_node(activation: int, aggregation: int, biases: list[float]) -> GenePool:
    """Genomes of three inputs and one output node with the functions given."""
    inputs = [(k, 0.0, NodeKind.INPUT, 0, 0) for k in range(3)]
    genes = [(k, k, 3, weight, True) for k, weight in enumerate((1.0, -0.5, 2.0))]
    return GenePool.pack(make_genome([*inputs, (3, bias, NodeKind.OUTPUT, activation, aggregation)], genes) for bias in biases)


def test_a_step_is_that_of_the_reference_evaluator_for_every_pair_of_functions():
    X = np.random.default_rng(0).standard_normal((6, 3))
    for activation in range(len(ACTIVATIONS)):
        for aggregation in range(len(AGGREGATIONS)):
            plan = compile_pool(one_node(activation, aggregation, [0.0, -30.0, 700.0]))
            programs, out = compile_programs(plan), np.empty(1)
            for g in range(len(plan)):
                code, numbers, values = part(programs, g)
                for row, wanted in zip(X, reference(plan[g], X), strict=True):
                    step_once(code, numbers, row, values, out)
                    np.testing.assert_allclose(out, wanted, rtol=1e-12, atol=1e-300)


def test_steps_of_recurrent_genomes_are_those_of_the_reference_evaluator():
    plan = compile_pool(drawn(1, 150, random_recurrent_genome))
    programs, X = compile_programs(plan), np.random.default_rng(2).standard_normal((7, 4))
    assert plan.is_recurrent
    for g in range(len(plan)):
        code, numbers, values = part(programs, g)
        answers = np.empty((7, 2))
        for row, out in zip(X, answers, strict=True):
            step_once(code, numbers, row, values, out)
        np.testing.assert_allclose(answers, reference(plan[g], X[None])[0], rtol=1e-12, atol=1e-12)
        np.testing.assert_array_equal(answers, evaluate(plan[g], np.stack([-X, X]))[1])


def test_rows_in_blocks_have_the_answers_of_single_rows_to_the_bit_in_both_layouts():
    plan = compile_pool(drawn(3, 60, scale=1.0))
    programs, X = compile_programs(plan), np.random.default_rng(4).standard_normal((300, 4))
    for g in range(len(plan)):
        code, numbers, values = part(programs, g)
        answers, out = evaluate(plan[g], X), np.empty(2)
        np.testing.assert_array_equal(answers, evaluate(plan[g], np.asfortranarray(X)))
        np.testing.assert_array_equal(answers[1::2], evaluate(plan[g], X[1::2]))
        np.testing.assert_allclose(answers, reference(plan[g], X), rtol=1e-10, atol=1e-12)
        for i in (0, 7, 255, 256, 299):
            step_once(code, numbers, X[i], values, out)
            np.testing.assert_array_equal(out, answers[i])


def test_a_sine_is_that_of_the_c_library_near_and_far():
    rng, sin = np.random.default_rng(10), ACTIVATIONS.index("sin")
    near = np.concatenate([np.pi * np.arange(-40, 40), rng.uniform(-1, 1, 300) * 10.0 ** rng.integers(-3, 6, 300)])
    genome = make_genome([(0, 0.0, NodeKind.INPUT, 0, 0), (1, 0.0, NodeKind.OUTPUT, sin, 0)], [(0, 0, 1, 1.0, True)])
    plan = compile_pool(GenePool.pack([genome]))[0]
    for x in (near, np.concatenate([near[:50], [1e6, -3e8, 1e300]])):
        np.testing.assert_allclose(evaluate(plan, x[:, None])[:, 0], np.sin(x), rtol=1e-14)
        assert [evaluate(plan, [[value]])[0, 0] for value in x[::7]] == evaluate(plan, x[:, None])[::7, 0].tolist()


def test_values_beyond_numbers_are_passed_on_as_numpy_passes_them():
    X = np.array([[np.nan, 1, 1], [np.inf, 1, 1], [-np.inf, 1, 1], [1e200, 1e200, 1], [-1e200, 1e-320, 0]])
    for activation in set(range(len(ACTIVATIONS))) - {ACTIVATIONS.index("sin")}:
        for aggregation in range(len(AGGREGATIONS)):
            plan = compile_pool(one_node(activation, aggregation, [0.5]))
            programs = compile_programs(plan)
            code, numbers, values = part(programs, 0)
            answers, out = evaluate(plan[0], X), np.empty(1)
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(answers, reference(plan[0], X), rtol=1e-12, atol=1e-300)
            for row, wanted in zip(X, answers, strict=True):
                step_once(code, numbers, row, values, out)
                np.testing.assert_array_equal(out, wanted)


@numba.njit(error_model="numpy")
def _last_outputs(code, numbers, code_start, number_start, slot_start, X, answers):
    """Step all genomes through all sequences, each with a memory of its own, as a compiled world would."""
    for g in range(slot_start.shape[0] - 1):
        own, weights = code[code_start[g] :], numbers[number_start[g] :]
        for world in range(X.shape[0]):
            values = np.zeros(slot_start[g + 1] - slot_start[g])
            for t in range(X.shape[1]):
                step(own, weights, X[world, t], values, answers[g, world])


def test_compiled_callers_step_a_whole_population_through_many_worlds():
    plan = compile_pool(drawn(5, 20, random_recurrent_genome))
    programs, X = compile_programs(plan), np.random.default_rng(6).standard_normal((3, 4, 4))
    answers = np.empty((20, 3, 2))
    arrays = programs.code, programs.numbers, programs.code_start, programs.number_start, programs.slot_start
    _last_outputs(*arrays, X, answers)
    for g in range(20):
        np.testing.assert_allclose(answers[g], reference(plan[g], X)[:, -1], rtol=1e-12, atol=1e-12)


def test_programs_stay_read_only_on_their_way_to_another_process():
    programs = compile_programs(compile_pool(drawn(11, 3)))
    again = pickle.loads(pickle.dumps(programs))
    for name in ("code", "numbers", "code_start", "number_start", "slot_start"):
        np.testing.assert_array_equal(getattr(again, name), getattr(programs, name))
        assert not getattr(again, name).flags.writeable and not getattr(programs, name).flags.writeable


def test_a_pool_answers_in_one_call_as_its_genomes_do_one_by_one():
    pool, rng = drawn(7, 30), np.random.default_rng(8)
    X, plan = rng.standard_normal((261, 4)), compile_pool(pool)
    np.testing.assert_array_equal(evaluate_pool(pool, X), [evaluate(own, X) for own in plan])
    late, sequences = drawn(9, 10, random_recurrent_genome), rng.standard_normal((3, 5, 4))
    np.testing.assert_array_equal(evaluate_pool(late, sequences), [evaluate(own, sequences) for own in compile_pool(late)])
    with pytest.raises(GenomeError, match="a single row has no memory, and this network is recurrent"):
        evaluate_pool(late, X)
    with pytest.raises(ValueError, match="expected rows of 4 inputs"):
        evaluate_pool(pool, X[:, :3])

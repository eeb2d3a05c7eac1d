"""VSML: the wiring, the kernel, what meta-training may rely on, and the learners built of them."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from propneat.base.errors import CheckpointError, DamagedCheckpointError, DataError
from propneat.methods.vsml.clone_study import wiring_difference
from propneat.methods.vsml.cloning import CloneCell, clone_backpropagation, draw_samples, exact_targets
from propneat.methods.vsml.episodes import (
    Task,
    draw_state,
    fuse,
    gradient_of_tasks,
    predict,
    stream,
    stream_and_average,
    unfuse,
)
from propneat.methods.vsml.evolution_strategy import antithetic_gradient, meta_train_by_evolution
from propneat.methods.vsml.kernel import LANES
from propneat.methods.vsml.meta_training import CURRICULUM, Stage, adam_step, first_state, meta_train
from propneat.methods.vsml.parameters import (
    N_PARAMETERS,
    SIZES,
    UNITS,
    block_of,
    draw_parameters,
    load_parameters,
    save_parameters,
)
from propneat.methods.vsml.remake import COMMAND, make_parameters, recipe_of
from propneat.methods.vsml.tasks import draw_task
from propneat.methods.vsml.transfer_study import label_leak
from propneat.methods.vsml.wiring import BackpropCell, LstmCell, backward_sweep, forward_sweep, learn_online

SHIPPED = load_parameters().values


def lively_parameters(seed: int) -> np.ndarray:
    """Parameters far enough from the beginning that every gate and every map is at work."""
    rng = np.random.default_rng(seed)
    return (draw_parameters(rng) + 0.3 * rng.standard_normal(N_PARAMETERS)).astype(np.float32)


def make_task(seed: int, n_rows: int, n_inputs: int, n_classes: int) -> Task:
    rng = np.random.default_rng(seed)
    Y = np.eye(n_classes, dtype=np.float32)[rng.integers(n_classes, size=n_rows)]
    return Task(rng.standard_normal((n_rows, n_inputs)).astype(np.float32), Y, draw_state(rng, n_inputs, n_classes))


def as_wired(task: Task) -> np.ndarray:
    """The task's first state as the wiring has it, float64 (A, B, 2 UNITS)."""
    a, b = task.X.shape[1], task.Y.shape[1]
    return task.state[:, :, : a * b].reshape(2 * UNITS, a, b).transpose(1, 2, 0).astype(float)


def wired_loss(values: np.ndarray, task: Task) -> float:
    """Mean cross-entropy by the float64 wiring."""
    _, outputs = learn_online(LstmCell(values), [as_wired(task)], task.X.astype(float), task.Y.astype(float))
    top = outputs.max(1, keepdims=True)
    return -float((((outputs - top) - np.log(np.exp(outputs - top).sum(1, keepdims=True))) * task.Y).sum(1).mean())


@pytest.mark.parametrize("sizes", [(5, 3), (5, 4, 3), (3, 6, 4, 2)])
def test_the_exact_rule_at_every_position_is_online_gradient_descent(sizes):
    assert wiring_difference(0, sizes) <= 1e-12


@pytest.mark.parametrize("shape", [(1, 2), (4, 4), (9, 2), (5, 7)])
def test_the_kernel_is_the_wiring_with_one_layer(shape):
    """Outputs before every label, and the state at the end."""
    for values in (lively_parameters(1), SHIPPED):
        task = make_task(2, 25, *shape)
        (state,), outputs = learn_online(LstmCell(values), [as_wired(task)], task.X.astype(float), task.Y.astype(float))
        found = stream([values], [task])[0]
        np.testing.assert_allclose(found.logits, outputs, rtol=1e-3, atol=1e-3 * np.abs(outputs).max())
        reached = state.transpose(2, 0, 1).reshape(2, UNITS, -1)
        np.testing.assert_allclose(found.state[:, :, : reached.shape[2]], reached, atol=1e-3 * np.abs(reached).max())
        assert found.loss == pytest.approx(wired_loss(values, task), rel=1e-4)


def test_gradients_through_time_are_those_of_finite_differences():
    """Along random directions, of the float64 wiring; the path of the error, which learning feeds back, is part of it."""
    rng = np.random.default_rng(3)
    for shape in ((4, 3), (6, 2)):
        task, values = make_task(4, 20, *shape), lively_parameters(5)
        gradient, losses = gradient_of_tasks(values, [task])
        assert losses[0] == pytest.approx(wired_loss(values, task), rel=1e-5)
        for _ in range(4):
            direction = gradient / np.linalg.norm(gradient) + rng.standard_normal(N_PARAMETERS) / np.sqrt(N_PARAMETERS)
            step = 1e-4 * direction
            slope = (wired_loss(values.astype(float) + step, task) - wired_loss(values.astype(float) - step, task)) / 2e-4
            assert gradient @ direction == pytest.approx(slope, rel=1e-4)


def test_a_gradient_that_leaves_out_the_path_of_the_error_would_be_noticed():
    """Without the error's columns of the cell, the gradient is another: the test above can fail."""
    task, values = make_task(4, 20, 4, 3), lively_parameters(5)
    deaf = values.copy()
    block_of(deaf, "backward_in")[:, 0] = 0
    hearing, not_hearing = (gradient_of_tasks(v, [task])[0] for v in (values, deaf))
    assert np.abs(hearing - not_hearing).max() > 1e-2 * np.abs(hearing).max()


def test_gradients_of_many_tasks_are_the_mean_of_each():
    tasks, values = [make_task(k, 10 + k, 2 + k, 2 + k % 3) for k in range(5)], lively_parameters(6)
    together, losses = gradient_of_tasks(values, tasks)
    alone = [gradient_of_tasks(values, [task]) for task in tasks]
    np.testing.assert_allclose(together, np.mean([gradient for gradient, _ in alone], axis=0), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(losses, [loss[0] for _, loss in alone])


def test_threads_do_not_matter(monkeypatch):
    import numba

    tasks, values, found = [make_task(k, 12, 3 + k, 3) for k in range(6)], lively_parameters(7), []
    for n_threads in (1, 3):
        monkeypatch.setattr(numba.config, "NUMBA_NUM_THREADS", n_threads)
        streams = stream([values] * 6, tasks)
        found.append((gradient_of_tasks(values, tasks)[0].tobytes(), *(one.state.tobytes() for one in streams)))
    assert found[0] == found[1]


def test_the_number_of_parameters_is_the_papers_and_knows_no_sizes():
    assert N_PARAMETERS == 2416 and len(SHIPPED) == 2416
    normalisation = sum(np.prod(SIZES[name]) for name in SIZES if name.endswith(("gain", "offset")))
    assert N_PARAMETERS - normalisation == 2384
    cell, head = fuse(lively_parameters(8))
    for shape in ((2, 2), (30, 2), (64, 10)):
        assert stream([SHIPPED], [make_task(9, 2, *shape)])[0].logits.shape == (2, shape[1])
    fused = unfuse(cell, head)
    assert np.count_nonzero(fused) == cell.size + head[:, :-1].size + 2


@pytest.mark.parametrize("values", [lively_parameters(10), SHIPPED], ids=["random", "shipped"])
def test_a_label_is_not_known_before_it_is_told(values):
    before, after = label_leak(values, make_task(11, 20, 5, 3), 9)
    assert before == 0 and after > 1e-4


def test_order_of_inputs_and_of_classes_does_not_matter():
    task, values, rng = make_task(12, 20, 6, 4), lively_parameters(13), np.random.default_rng(14)
    inputs, classes = rng.permutation(6), rng.permutation(4)
    state = as_wired(task)
    outputs = learn_online(LstmCell(values), [state], task.X.astype(float), task.Y)[1]
    moved = learn_online(LstmCell(values), [state[inputs][:, classes]], task.X[:, inputs].astype(float), task.Y[:, classes])[1]
    np.testing.assert_allclose(moved, outputs[:, classes], atol=1e-12)
    kernel_state = np.zeros_like(task.state)
    kernel_state[:, :, :24] = task.state[:, :, :24].reshape(2, UNITS, 6, 4)[:, :, inputs][..., classes].reshape(2, UNITS, 24)
    own = stream([values], [task])[0].logits
    other = stream(
        [values], [Task(np.ascontiguousarray(task.X[:, inputs]), np.ascontiguousarray(task.Y[:, classes]), kernel_state)]
    )
    np.testing.assert_allclose(other[0].logits, own[:, classes], atol=1e-3)


def test_outputs_keep_their_size_when_inputs_become_many():
    spreads = [stream([SHIPPED], [make_task(15, 40, n, 3)])[0].logits.std() for n in (4, 256)]
    assert 0.1 < spreads[1] / spreads[0] < 10


def test_without_random_state_all_outputs_stay_equal():
    task = make_task(16, 12, 4, 3)
    symmetric = replace(task, state=np.zeros_like(task.state), Y=np.full_like(task.Y, 1 / 3))
    assert np.abs(np.diff(stream([SHIPPED], [symmetric])[0].logits, axis=1)).max() < 1e-5
    random = replace(symmetric, state=task.state)
    assert np.abs(np.diff(stream([SHIPPED], [random])[0].logits, axis=1)).max() > 1e-3


def test_the_forget_constant_alone_does_not_hold_a_state():
    """Its gates are open by sigma(5) a tick: after 1,000 ticks a thousandth is left, so that holding has to be meta-trained."""
    values = np.zeros(N_PARAMETERS, np.float32)
    task = Task(np.zeros((250, 1), np.float32), np.full((250, 2), 0.5, np.float32), np.zeros((2, UNITS, LANES), np.float32))
    task.state[1, 0, :2] = 1.0
    kept = stream([values], [task])[0].state[1, 0, 0]
    assert kept == pytest.approx((1 / (1 + np.exp(-5.0))) ** 1000, rel=1e-2)
    assert kept < 0.5


def test_padding_positions_are_not_read():
    task, values = make_task(17, 15, 3, 3), lively_parameters(18)
    other = replace(task, state=task.state.copy())
    other.state[:, :, 9:] = 5.0
    first, second = stream([values, values], [task, other])
    np.testing.assert_array_equal(first.logits, second.logits)
    np.testing.assert_array_equal(first.state[:, :, :9], second.state[:, :, :9])


def test_frozen_prediction_is_the_output_before_the_label_and_leaves_the_state():
    task, values = make_task(19, 15, 5, 3), SHIPPED
    state = stream([values], [task])[0].state
    kept, X = state.copy(), make_task(20, 6, 5, 3).X
    found = predict(values, X, 3, [state])[0]
    assert state.tobytes() == kept.tobytes()
    for row, outputs in zip(X, found, strict=True):
        one = stream([values], [Task(row[None], np.eye(3, dtype=np.float32)[:1], state)])[0]
        np.testing.assert_allclose(outputs, one.logits[0], rtol=1e-4, atol=1e-5)


def test_the_evolution_strategy_estimates_the_gradient_of_a_quadratic():
    """Whose mirrored differences are exact, so the estimate is unbiased: within 3 standard errors of the gradient."""
    rng = np.random.default_rng(21)
    root = rng.standard_normal((6, 6))
    matrix, values = root @ root.T, rng.standard_normal(6)
    estimates = np.array(
        [
            antithetic_gradient(lambda m: 0.5 * np.einsum("ij,jk,ik->i", m, matrix, m), values, rng, 20, 0.05)[0]
            for _ in range(400)
        ]
    )
    error = estimates.std(0, ddof=1) / np.sqrt(len(estimates))
    assert np.all(np.abs(estimates.mean(0) - matrix @ values) < 3.5 * error)
    assert np.linalg.norm(3.5 * error) < 0.3 * np.linalg.norm(matrix @ values)


def test_the_evolution_strategy_points_along_the_gradient_of_an_episode():
    task, values, rng = make_task(22, 10, 2, 2), lively_parameters(23), np.random.default_rng(24)

    def losses_of(members: np.ndarray) -> np.ndarray:
        return np.array([one.loss for one in stream(members.astype(np.float32), [task] * len(members))])

    estimate, loss = antithetic_gradient(losses_of, values, rng, 1500, 0.005)
    gradient = gradient_of_tasks(values, [task])[0]
    likeness = estimate @ gradient / np.linalg.norm(estimate) / np.linalg.norm(gradient)
    # n pairs among d numbers: the cosine of a sum of n projections is sqrt(n / (n + d)), 0.62 here
    assert likeness == pytest.approx(np.sqrt(1500 / (1500 + N_PARAMETERS)), abs=0.1)
    assert loss == pytest.approx(gradient_of_tasks(values, [task])[1][0], rel=0.05)


def test_meta_training_lowers_the_loss_by_gradient_and_by_evolution():
    """Of one and the same small set of tasks, whose optimum a few steps approach."""
    tasks, state = [make_task(k, 8, 2, 2) for k in range(4)], first_state(25)
    before = gradient_of_tasks(state.values, tasks)[1].mean()
    for _ in range(60):
        gradient, losses = gradient_of_tasks(state.values, tasks)
        state = adam_step(state, gradient, 5e-3, float(losses.mean()))
    assert gradient_of_tasks(state.values, tasks)[1].mean() < before - 0.01
    losses = meta_train_by_evolution(0, 3, 8, 6).losses
    assert len(losses) == 3 and np.isfinite(losses).all()


def test_meta_training_is_the_same_after_an_interruption(tmp_path):
    stages = (Stage(6, 26, 3, 2e-3, 1e-3), Stage(9, 4, 2, 1e-3, 1e-4, begins_anew=True))
    whole, path = make_parameters(tmp_path, lambda *step: None, 5, stages)
    assert load_parameters(path).values.tobytes() == whole.values.tobytes() == meta_train(5, stages).values.tobytes()

    def interrupt(name: str, done: int, total: int) -> None:
        if done == 27:
            raise KeyboardInterrupt

    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(KeyboardInterrupt):
        make_parameters(other, interrupt, 5, stages)
    again, path = make_parameters(other, lambda *step: None, 5, stages)
    assert path.read_bytes() == (tmp_path / "parameters.json").read_bytes() and again.stages == whole.stages
    with pytest.raises(KeyboardInterrupt):
        make_parameters(other, interrupt, 5, stages)
    with pytest.raises(CheckpointError, match="another meta-training"):
        make_parameters(other, interrupt, 6, stages)


def test_a_stage_that_begins_anew_follows_from_the_parameters_alone():
    """So the package's last stages can be made again from the end of those before."""
    stages = (Stage(6, 3, 3, 2e-3, 1e-3), Stage(9, 3, 2, 1e-3, 1e-4, begins_anew=True))
    whole = meta_train(5, stages)
    before = meta_train(5, stages[:1])
    forgotten = replace(before, mean=np.zeros(N_PARAMETERS), square=np.zeros(N_PARAMETERS))
    assert meta_train(5, stages, forgotten).values.tobytes() == whole.values.tobytes()
    carried = (stages[0], replace(stages[1], begins_anew=False))
    assert meta_train(5, carried).values.tobytes() != whole.values.tobytes()
    assert meta_train(5, carried, forgotten).values.tobytes() != whole.values.tobytes()


def test_a_damaged_or_forged_state_of_a_meta_training_is_refused_in_one_sentence(tmp_path):
    stages, path = (Stage(6, 26, 3, 2e-3, 1e-3),), tmp_path / "meta-training.npz"

    def interrupt(name: str, done: int, total: int) -> None:
        if done == 25:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_parameters(tmp_path, interrupt, 5, stages)
    whole = path.read_bytes()
    with np.load(path) as content:
        parts = dict(content)
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(claim, {"descr": "<f8", "fortran_order": False, "shape": (10**14,)})
    changes = [{"values": parts["values"][:-1]}, {"mean": parts["mean"] * np.nan}, {"square": np.array([print], object)}]
    changes += [{"values": parts["values"].astype(float)}, {"ends": np.zeros((2, 3), np.float32)}, {"losses": np.zeros((2, 2))}]
    for change in changes:
        np.savez(path, **parts | change)
        with pytest.raises(DamagedCheckpointError, match="move it away to begin anew"):
            make_parameters(tmp_path, interrupt, 5, stages)
    for content in (b"", whole[:-30], whole[:200], b"text"):
        path.write_bytes(content)
        with pytest.raises(DamagedCheckpointError):
            make_parameters(tmp_path, interrupt, 5, stages)
    with zipfile.ZipFile(path, "w") as archive:
        for name in parts:
            archive.writestr(f"{name}.npy", claim.getvalue())
    with pytest.raises(DamagedCheckpointError):
        make_parameters(tmp_path, interrupt, 5, stages)
    path.write_bytes(whole)
    make_parameters(tmp_path, lambda *step: None, 5, stages)


def test_the_parameters_in_the_package_say_how_they_were_made(tmp_path):
    shipped = load_parameters()
    assert shipped.command == COMMAND and dict(shipped.recipe) == json.loads(json.dumps(recipe_of(0, CURRICULUM)))
    assert len(shipped.stages) == len(CURRICULUM) and len(shipped.losses) == sum(stage.steps for stage in CURRICULUM)
    np.testing.assert_array_equal(shipped.values, np.array(shipped.stages[-1], np.float32))
    save_parameters(tmp_path / "again.json", shipped)
    assert load_parameters(tmp_path / "again.json").values.tobytes() == shipped.values.tobytes()
    (tmp_path / "short.json").write_text(
        json.dumps({"schema": 1, "stages": [[0.0] * 3], "losses": [], "command": "", "recipe": {}})
    )
    with pytest.raises(DataError, match="expected 2416 finite numbers"):
        load_parameters(tmp_path / "short.json")
    (tmp_path / "old.json").write_text(json.dumps({"schema": 0}))
    with pytest.raises(DataError, match="schema"):
        load_parameters(tmp_path / "old.json")


def test_the_first_meta_steps_of_the_recipe_are_those_that_the_package_records():
    """On any processor up to rounding, which the first steps have not yet blown up."""
    losses = meta_train(0, (replace(CURRICULUM[0], steps=4),)).losses
    # the step size is constant in the first stage, so its number of steps does not matter
    assert CURRICULUM[0].first_rate == CURRICULUM[0].last_rate
    np.testing.assert_allclose(losses, load_parameters().losses[:4], rtol=1e-4)


def test_synthetic_tasks_are_standardised_varied_and_drawn_from_their_seed_alone():
    rng = np.random.default_rng(26)
    tasks = [draw_task(rng, 50, 60) for _ in range(200)]
    sizes = {task.Y.shape[1] for task in tasks}
    assert sizes == set(range(2, 11))
    for task in tasks:
        assert 2 <= task.X.shape[1] and task.X.shape[1] * task.Y.shape[1] <= 60 + task.Y.shape[1]
        assert np.abs(task.X).max() <= 3 and np.isfinite(task.X).all() and np.abs(task.X.mean(0)).max() < 0.3
        np.testing.assert_array_equal(task.Y.sum(1), 1)
    again = draw_task(np.random.default_rng(26), 50, 60)
    assert (again.X.tobytes(), again.Y.tobytes(), again.state.tobytes()) == tuple(
        part.tobytes() for part in (tasks[0].X, tasks[0].Y, tasks[0].state)
    )


def test_the_clone_in_the_wiring_computes_what_it_was_taught():
    """Its messages and steps, position by position, have the errors that the compiled loss reports."""
    clone = clone_backpropagation(0, 300)
    samples = draw_samples(np.random.default_rng(27), 400)
    targets = exact_targets(samples, clone.rate, clone.bias_rate)
    errors = np.empty((4, 400))
    for k, (w, b, x, e) in enumerate(samples.T):
        state = np.array([[[w, b]]], np.float32)
        states, heard, output = forward_sweep(CloneCell(clone), [state], np.array([x]))
        after, back = CloneCell(clone).backward(states[0], heard[0], np.array([[e]], np.float32))
        errors[:, k] = np.array([output[0], back[0, 0], *after[0, 0]]) - targets[:, k]
    output, error, w_step, b_step = (errors**2).mean(1)
    found = np.array([output, error, 0.5 * (w_step + b_step) / clone.rate**2])
    np.testing.assert_allclose(found, [clone.losses.output, clone.losses.error, clone.losses.step], rtol=0.4)
    # a guess of the mean has the variance of the targets for an error: teaching has begun to tell
    assert clone.losses.output < 0.9 * targets[0].var()


def test_what_the_clone_is_taught_is_what_the_exact_cell_does():
    samples = draw_samples(np.random.default_rng(28), 30)
    targets = exact_targets(samples, 0.05, 0.01)
    cell = BackpropCell(0.05, 0.01)
    for (w, b, x, e), expected in zip(samples.T.astype(float), targets.T, strict=True):
        states, heard, output = forward_sweep(cell, [np.array([[[w, b]]])], np.array([x]))
        (state,) = backward_sweep(cell, states, heard, np.array([e]), np.zeros(1))
        sent = cell.backward(states[0], heard[0], np.array([[e]]))[1]
        np.testing.assert_allclose([output[0], sent[0, 0], *state[0, 0]], expected, rtol=1e-5, atol=1e-7)


def test_an_averaged_stream_ends_where_a_stream_does_and_averages_its_later_half():
    tasks = [make_task(29, 40, 3, 2), make_task(30, 7, 4, 3)]
    found = stream_and_average([SHIPPED] * 2, tasks)
    for task, (last, mean) in zip(tasks, found, strict=True):
        np.testing.assert_array_equal(last, stream([SHIPPED], [task])[0].state)
        ends = [len(task.X) * part // 20 for part in range(11, 21)]
        states = [stream([SHIPPED], [Task(task.X[:end], task.Y[:end], task.state)])[0].state for end in ends]
        np.testing.assert_allclose(mean, np.mean(states, axis=0), rtol=1e-5, atol=1e-6)

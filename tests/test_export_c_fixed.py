"""Fixed point: C equals numpy to the bit, errors stay within the bound that is proven, and nothing ever overflows."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from c_programs import STRICT, answers, build, needs_compiler, random_models, table_of
from test_readme import a_table

from propneat.base.errors import ConfigError, ExportError
from propneat.compiler import evaluate
from propneat.data import load_table
from propneat.export.c_columns import encode_rows, inputs_of, made_up_rows, plan_columns
from propneat.export.c_cost import measure_cost
from propneat.export.c_export import COptions, export_c
from propneat.export.c_files import fixed_files, joined_files
from propneat.export.c_fixed import FixedModel, quantise
from propneat.export.c_fixed_functions import FIXED, STEPS, TABLES, table_values
from propneat.export.c_fixed_inputs import fix_rows
from propneat.export.c_fixed_run import fixed_errors, run_fixed
from propneat.genome import ACTIVATIONS, AGGREGATIONS
from propneat.model import load_model

SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
EXAMPLE = Path(__file__).parent.parent / "results/examples/breast_cancer_wisconsin/champion.json"


def made(count: int, scale: float, numbers: str, seed: int) -> tuple[list[FixedModel], list[np.ndarray], list[np.ndarray]]:
    """Return fixed-point models with rows of x for each, some of them absurd, and the exact inputs of the sensible ones."""
    rng = np.random.default_rng(seed)
    models, table = random_models(rng, count, a_table(rng), scale=scale), table_of(rng, 150)
    fixed, rows, inputs = [], [], []
    for model in models:
        layout = plan_columns(model)
        x, exact = encode_rows(model, layout, table), model.preprocessor.transform(table, model.used_features)
        fixed.append(quantise(model, layout, numbers, exact))
        with np.errstate(invalid="ignore", over="ignore"):
            far = x * rng.choice([-1e9, 1e3, 1e30, np.inf, np.nan], x.shape)
        rows.append(np.vstack([x, far.astype(np.float32)]))
        inputs.append(exact)
    return fixed, rows, inputs


@needs_compiler
@pytest.mark.parametrize(
    ("numbers", "scale", "flags"), [("int16", 0.7, ("-O2",)), ("int16", 3.0, SANITIZED), ("int8", 1.0, SANITIZED)]
)
def test_c_is_numpy_to_the_bit(tmp_path, numbers, scale, flags):
    fixed, rows, _ = made(11, scale, numbers, 8)
    seen = {(node.activation, node.join) for model in fixed for node in model.nodes}
    assert {name for name, _ in seen} == set(ACTIVATIONS) and {join for _, join in seen} == set(AGGREGATIONS)
    outputs = [1 if model.model.task == "regression" else len(model.model.classes) for model in fixed]
    files = [fixed_files(model, f"m{k}") for k, model in enumerate(fixed)]
    assert not any(re.search("float|double", texts[f"m{k}.c"]) for k, texts in enumerate(files))
    program = build(tmp_path, files, [model.layout for model in fixed], outputs, flags, "int32_t")
    whole = [fix_rows(x, model.inputs).astype(np.int32) for model, x in zip(fixed, rows, strict=True)]
    for model, x, (codes, out) in zip(fixed, rows, answers(program, whole, outputs, np.int32), strict=True):
        run = run_fixed(model, x)
        np.testing.assert_array_equal(out, run.out)
        np.testing.assert_array_equal(codes, run.codes)


@pytest.mark.parametrize(("numbers", "scale"), [("int16", 0.7), ("int16", 3.0), ("int8", 0.7)])
def test_no_output_is_further_off_than_its_bound(numbers, scale):
    fixed, rows, inputs = made(15, scale, numbers, 5)
    sound = []
    for model, x, exact in zip(fixed, rows, inputs, strict=True):
        run = run_fixed(model, x[: len(exact)])
        outputs, bound = evaluate(model.model.plan, exact), fixed_errors(model, exact)
        error = np.abs(run.outputs - outputs)
        good = ~run.saturated & np.isfinite(bound).all(axis=1)
        assert (error <= bound)[good].all()
        sound += [good.mean()] * (scale == 0.7)
    assert scale != 0.7 or np.mean(sound) > 0.9


def test_probabilities_are_those_of_the_logits_and_answers_keep_to_their_bounds():
    fixed, rows, _ = made(15, 0.7, "int16", 6)
    for model, x in zip(fixed, rows, strict=True):
        run, task = run_fixed(model, x), model.model.task
        if task == "regression":
            scale = model.model.target_scale
            rtol, atol = (1e-3, 1e-5) if scale.log else (0, 2e-4 * scale.scale)
            np.testing.assert_allclose(run.answers[:, 0], scale.invert(run.outputs[:, 0]), rtol=rtol, atol=atol)
            continue
        logits = run.outputs if task == "multiclass" else np.column_stack([np.zeros(len(x)), run.outputs])
        exact = np.exp(logits - logits.max(axis=1, keepdims=True))
        exact /= exact.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(run.answers, exact, rtol=3e-4, atol=1e-6)
        assert (run.codes == np.argmax(run.out, axis=1))[np.ptp(np.sort(logits, axis=1)[:, -2:], axis=1) > 1e-3].all()


def test_tables_are_near_their_functions_everywhere():
    for name, (reach, function) in TABLES.items():
        fine = np.linspace(0, 2.0**reach, 4001)
        lines = np.interp(fine, np.arange(STEPS + 1) * 2.0**reach / STEPS, table_values(name) / 32768)
        assert np.abs(lines - function(fine)).max() < (1.1e-3 if name == "exp" else 8e-4), name
        if name != "sin":
            assert function(np.array([2.0**reach]))[0] < 3e-3
    assert set(FIXED) == set(ACTIVATIONS)


def test_the_example_loses_nothing_and_says_so():
    model, table = load_model(EXAMPLE), load_table("breast_cancer_wisconsin")
    frame = table.features.assign(target=table.target)
    made_here = export_c(model, COptions(numbers="int16", tolerance=0.001), frame)
    cost = made_here.cost
    assert cost.before - cost.after < 1e-4 and cost.difference < 1e-3 and cost.saturated == 0
    # another class is given only where the probability is as near to a half as the answers are to each other
    undecided = np.abs(model.predict_proba(table.features)[:, 1] - 0.5) <= cost.difference
    assert 0.99 < 1 - undecided.mean() <= cost.same
    assert any("AUC 0.99" in note and "0 rows" not in note for note in made_here.notes)
    assert made_here.notes[0] in made_here.files["model.h"]
    wide = export_c(model, COptions(numbers="int8"), frame)
    assert cost.difference < wide.cost.difference < 0.05
    with pytest.raises(ExportError, match="use wider numbers"):
        export_c(model, COptions(numbers="int8", tolerance=0.001), frame)
    with pytest.raises(ConfigError, match="goes with fixed point"):
        export_c(model, COptions(tolerance=0.1))


def test_made_up_rows_reach_every_level_and_stay_the_same():
    rng = np.random.default_rng(9)
    model = random_models(rng, 1, a_table(rng), max_hidden=0)[0]
    layout = plan_columns(model)
    x = made_up_rows(layout)
    np.testing.assert_array_equal(x, made_up_rows(layout))
    inputs = inputs_of(model, layout, x)
    fixed = quantise(model, layout, "int16", inputs)
    assert (np.ptp(inputs[:, list(layout.slots)], axis=0) > 0).all()
    assert measure_cost(fixed, x, inputs).difference < 0.01


@needs_compiler
def test_a_single_header_in_whole_numbers_is_c_plus_plus(tmp_path):
    fixed = made(4, 0.7, "int16", 8)[0]
    lines = []
    for k, model in enumerate(fixed):
        for name, text in joined_files(fixed_files(model, f"m{k}"), f"m{k}").items():
            (tmp_path / name).write_text(text)
        lines += [f"#define M{k}_IMPLEMENTATION", f'#include "m{k}.h"', f'#include "m{k}.h"']
    (tmp_path / "all.cpp").write_text("\n".join([*lines, "int main() { return m0_fixed(1.5f, 1) == 3 ? 0 : 1; }"]))
    subprocess.run(["g++", "-std=c++17", *STRICT, "-O1", "all.cpp", "-o", "all"], cwd=tmp_path, check=True)
    subprocess.run([tmp_path / "all"], check=True)


def test_the_command_measures_and_refuses_past_the_tolerance(run, folder):
    rng = np.random.default_rng(2)
    frame = a_table(rng)
    random_models(rng, 1, frame)[0].save("champion.json")
    frame.to_csv("rows.csv", index=False)
    code, out, err = run("export", "champion.json", "--to", "c", "--numbers", "int16", "--rows", "rows.csv", "--out", "small")
    assert (code, out) == (0, "") and "int16 on 60 rows: largest difference" in err
    assert sorted(path.name for path in (folder / "small").iterdir()) == ["model.c", "model.h"]
    code, out, err = run("export", "champion.json", "--to", "c", "--numbers", "int8", "--tolerance", "1e-9", "--out", "none")
    assert (code, out) == (1, "") and "use wider numbers" in err and not (folder / "none").exists()
    for arguments, words in (
        (["--rows", "rows.csv"], "--rows goes with fixed point"),
        (["--tolerance", "1"], "goes with fixed point"),
        (["--numbers", "int16", "--rows", "absent.csv"], "there is no file"),
    ):
        code, out, err = run("export", "champion.json", "--to", "c", *arguments, "--out", "none")
        assert (code, out) == (2, "") and words in err and not (folder / "none").exists()

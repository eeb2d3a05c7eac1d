"""Exported C in float32: the answers of the model within a proven bound, and clean for strict compilers and sanitizers."""

import subprocess

import numpy as np
import pandas
import pytest
from c_programs import STRICT, answers, build, float_answers, needs_compiler, random_models, table_of
from random_genomes import random_genome
from test_readme import a_table

from propneat.base.errors import ConfigError
from propneat.data import EncodingOptions, Preprocessor, TargetScale
from propneat.export.c_columns import encode_rows, plan_columns
from propneat.export.c_export import export_c
from propneat.export.c_files import fixed_files, float_files, joined_files
from propneat.export.c_fixed import quantise
from propneat.genome import ACTIVATIONS, AGGREGATIONS
from propneat.model import Model

pytestmark = needs_compiler


def n_out(model: Model) -> int:
    return 1 if model.task == "regression" else len(model.classes)


def check(models: list[Model], table: pandas.DataFrame, found: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for model, (codes, out) in zip(models, found, strict=True):
        truth, bound, sound = float_answers(model, model.preprocessor.transform(table, model.used_features))
        assert (np.abs(out - truth) <= bound)[sound].all()
        broken = codes < 0
        assert np.isnan(out[broken]).all() and np.isfinite(out[~broken]).all() and not broken[sound].any()
        if model.task != "regression":
            likely = np.max(truth, axis=1) - truth[np.arange(len(codes)), codes] <= 2 * bound[:, 0]
            assert likely[sound].all()


@pytest.mark.parametrize(
    ("count", "flags"), [(9, ("-O1",)), (5, ("-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"))]
)
def test_answers_are_those_of_the_model(tmp_path, count, flags):
    rng = np.random.default_rng(count)
    learnt = a_table(rng)
    scales = (0.3, 1.0, 3.0)
    models = [model for scale in scales for model in random_models(rng, count, learnt, scale=scale)]
    seen = {
        (ACTIVATIONS[a], AGGREGATIONS[b]) for m in models for a, b in zip(m.plan.activation, m.plan.aggregation, strict=True)
    }
    assert {a for a, _ in seen} == set(ACTIVATIONS) and {b for _, b in seen} == set(AGGREGATIONS)
    table = table_of(rng, 200)
    layouts = [plan_columns(model) for model in models]
    files = [
        float_files(model, f"m{k}", layout, k % 2 == 0) for k, (model, layout) in enumerate(zip(models, layouts, strict=True))
    ]
    program = build(tmp_path, files, layouts, [n_out(model) for model in models], flags)
    rows = [encode_rows(model, layout, table) for model, layout in zip(models, layouts, strict=True)]
    check(models, table, answers(program, rows, [n_out(model) for model in models]))


def test_the_same_text_is_c_plus_plus_and_a_single_header(tmp_path):
    rng = np.random.default_rng(5)
    models = random_models(rng, 6, a_table(rng))
    lines = []
    for k, model in enumerate(models):
        for name, text in joined_files(float_files(model, f"m{k}"), f"m{k}").items():
            (tmp_path / name).write_text(text)
        lines += [f"#define M{k}_IMPLEMENTATION", f'#include "m{k}.h"', f'#include "m{k}.h"']
    (tmp_path / "all.cpp").write_text(
        "\n".join([*lines, "int main() { return m0_class_name(9)[0]; }" if models[0].classes else "int main() { return 0; }"])
    )
    (tmp_path / "all.c").write_text("\n".join([*lines, "int main(void) { return 0; }"]))
    subprocess.run(["g++", "-std=c++17", *STRICT, "-O1", "all.cpp", "-o", "all"], cwd=tmp_path, check=True)
    subprocess.run(["gcc", "-std=c99", *STRICT, "-O1", "all.c", "-lm", "-o", "all"], cwd=tmp_path, check=True)


def test_the_command_writes_both_files_and_says_so(run, folder):
    rng = np.random.default_rng(2)
    model = random_models(rng, 1, a_table(rng))[0]
    model.save("champion.json")
    code, out, err = run("export", "champion.json", "--to", "c", "--name", "valve", "--out", "firmware")
    assert (code, out) == (0, "") and "Wrote firmware/valve.h, firmware/valve.c" in err
    assert {path.name: path.read_text() for path in (folder / "firmware").iterdir()} == float_files(model, "valve")
    assert run("export", "champion.json", "--to", "c", "--single-header")[0] == 0
    assert [path.name for path in (folder / "model").iterdir()] == ["model.h"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--to", "c", "--name", "2nd"], "is no name in C"),
        (["--to", "c", "--name", "while"], "is no name in C"),
        (["--to", "c", "--name", "a-b"], "is no name in C"),
        (["--to", "c", "--out", "champion.json"], "is what is read here"),
        (["--to", "dot", "--name", "valve"], "--name goes with --to c"),
        (["--to", "c", "--out", "a_file"], "cannot be written"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(run, folder, arguments, words):
    rng = np.random.default_rng(2)
    random_models(rng, 1, a_table(rng))[0].save("champion.json")
    (folder / "a_file").write_text("mine")
    code, out, err = run("export", "champion.json", *arguments)
    assert (code, out) == (2, "") and words in err and "Traceback" not in err
    assert sorted(path.name for path in folder.rglob("*")) == ["a_file", "champion.json"]


@pytest.mark.parametrize("factor", [1e300, 1e-300])
def test_a_column_beyond_float32_is_refused_by_name(run, folder, factor):
    rng = np.random.default_rng(4)
    frame = pandas.DataFrame({"x": rng.normal(size=60), "h": rng.normal(size=60) * factor})
    preprocessor = Preprocessor.fit(frame)
    random_linear(rng, preprocessor, TargetScale(0.0, 1.0)).save("champion.json")
    for arguments in (["c"], ["c", "--numbers", "int16"], ["micropython"]):
        code, out, err = run("export", "champion.json", "--to", *arguments, "--out", "none")
        assert (code, out) == (2, "") and "float32 holds sizes" in err and "column 'h'" in err and "Traceback" not in err
        assert not (folder / "none").exists()
    random_linear(rng, Preprocessor.fit(frame[["x"]]), TargetScale(factor, factor)).save("champion.json")
    code, out, err = run("export", "champion.json", "--to", "c")
    assert (code, out) == (2, "") and "the target" in err


def test_levels_that_are_one_float32_are_refused_and_others_are_not():
    rng = np.random.default_rng(6)
    for first, is_refused in ((2**24 + 1, True), (1, False)):
        frame = pandas.DataFrame({"code": np.tile(np.arange(first, first + 4), 30)})
        preprocessor = Preprocessor.fit(frame, options=EncodingOptions(one_hot_integers=6))
        model = random_linear(rng, preprocessor, TargetScale(0.0, 1.0))
        assert sum(rule.level is not None for rule in preprocessor.rules) > 1
        if is_refused:
            with pytest.raises(ConfigError, match="'code' has levels"):
                export_c(model)
        else:
            export_c(model)


def random_linear(rng: np.random.Generator, preprocessor: Preprocessor, scale: TargetScale) -> Model:
    """Return a regression that uses every input."""
    while True:
        genome = random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=1, max_hidden=3)
        model = Model(genome, "regression", preprocessor, None, scale)
        if len(plan_columns(model).slots) == len(preprocessor.rules):
            return model


def test_names_that_people_give_stay_comments_and_identifiers(tmp_path):
    rng = np.random.default_rng(12)
    names = [
        "*/ int x;",
        "columns",
        "größe \u202e",
        "a\\",
        "a \\",
        "??/",
        "missing",
        "eyes",
        "eyes other",
        "eyes_blue",
        "1",
        "class a",
    ]
    frame = pandas.DataFrame({name: rng.normal(size=40) for name in names})
    frame["eyes"] = rng.choice(["blue", "BLUE", "*/", "other", "missing", "\n"], 40)
    preprocessor = Preprocessor.fit(frame)
    while True:
        genome = random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=3, max_hidden=3)
        model = Model(
            genome, "multiclass", preprocessor, ("a", "A", 'b"\\\n*/ü??/'), about={"data": "/* odd */ \\", "test": {"auc": 0.5}}
        )
        if len(plan_columns(model).columns) == len(names):
            break
    for text in (
        float_files(model, "odd"),
        fixed_files(quantise(model, plan_columns(model), "int16", preprocessor.transform(frame)), "odd"),
    ):
        for name, lines in text.items():
            (tmp_path / name).write_text(lines, encoding="utf-8")
        main = '#include "odd.h"\n#include <stdio.h>\nint main(void) { fputs(odd_class_name(2), stdout); return 0; }\n'
        (tmp_path / "main.c").write_text(main)
        subprocess.run(["gcc", "-std=c99", *STRICT, "odd.c", "main.c", "-lm", "-o", "odd"], cwd=tmp_path, check=True)
        assert subprocess.run([tmp_path / "odd"], capture_output=True, check=True).stdout.decode() == 'b"\\\n*/ü??/'

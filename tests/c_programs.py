"""Many exported models compiled into one program that answers rows of numbers; random models of tables as people have them."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas
import pytest
from random_genomes import random_genome
from test_readme import a_table

from propneat.compiler import evaluate
from propneat.data import EncodingOptions, Preprocessor, TargetScale
from propneat.export.c_columns import Layout
from propneat.export.error_bound import UNIT, answer_errors, float_input_errors, float_rounding, running_errors
from propneat.model import Model, class_probabilities

SCALES = (TargetScale(3.0, 2.5, -40.0, 90.0), TargetScale(1.5, 0.7, 0.01, 300.0, log=True))
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
needs_compiler = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler gcc")

_MAIN = """#include <stdint.h>
#include <stdio.h>
{includes}
typedef {number} number;
typedef int (*predict)(const number *, number *);
static const predict MODELS[] = {{ {functions} }};
static const int COLUMNS[] = {{ {columns} }}, OUTPUTS[] = {{ {outputs} }};
int main(void) {{
    static number x[4096], out[4096];
    int32_t rows, code;
    int k;
    for (k = 0; k < {n}; k++) {{
        if (fread(&rows, 4, 1, stdin) != 1) return 1;
        while (rows-- > 0) {{
            if (fread(x, sizeof(number), (size_t)COLUMNS[k], stdin) != (size_t)COLUMNS[k]) return 1;
            code = MODELS[k](x, out);
            fwrite(&code, 4, 1, stdout);
            fwrite(out, sizeof(number), (size_t)OUTPUTS[k], stdout);
        }}
    }}
    return 0;
}}
"""


def random_models(rng: np.random.Generator, count: int, table: pandas.DataFrame, **options: object) -> list[Model]:
    """Return models of random genomes, each of a random task, over the columns of a table."""
    preprocessor = Preprocessor.fit(
        table, targets=rng.normal(size=(len(table), 1)), options=EncodingOptions(one_hot_integers=6)
    )
    models = []
    for _ in range(count):
        task, classes, n_outputs = [("binary", ("no", "yes"), 1), ("multiclass", ("a", "b?", "ü"), 3), ("regression", None, 1)][
            rng.integers(3)
        ]
        scale = SCALES[rng.integers(2)] if task == "regression" else None
        genome = random_genome(rng, n_inputs=len(preprocessor.rules), n_outputs=n_outputs, **options)
        models.append(Model(genome, task, preprocessor, classes, scale))
    return models


def build(
    folder: Path,
    files: list[dict[str, str]],
    layouts: list[Layout],
    outputs: list[int],
    flags: tuple[str, ...],
    number: str = "float",
) -> Path:
    """Compile models m0, m1, ... and a main program that reads rows; all in one call of the compiler."""
    for texts in files:
        for name, text in texts.items():
            (folder / name).write_text(text)
    names = [f"m{k}" for k in range(len(files))]
    main = _MAIN.format(
        includes="\n".join(f'#include "{name}.h"' for name in names),
        functions=", ".join(f"{name}_predict" for name in names),
        columns=", ".join(str(len(layout.columns)) for layout in layouts),
        outputs=", ".join(map(str, outputs)),
        n=len(names),
        number=number,
    )
    (folder / "all.c").write_text("\n".join(f'#include "{name}.c"' for name in names) + "\n" + main)
    command = ["gcc", "-std=c99", *STRICT, *flags, "all.c", "-lm", "-o", "all"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "all"


def answers(
    program: Path, rows: list[np.ndarray], outputs: list[int], number: type = np.float32
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Run a built program; returns for each model the codes (n_rows,) and `out` (n_rows, n_outputs)."""
    given = b"".join(np.int32(len(x)).tobytes() + np.ascontiguousarray(x, number).tobytes() for x in rows)
    done = subprocess.run([program], input=given, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()[-2000:]
    found, place = [], 0
    for x, n_outputs in zip(rows, outputs, strict=True):
        form = np.dtype([("code", np.int32), ("out", number, (n_outputs,))])
        block = np.frombuffer(done.stdout, form, len(x), place)
        place += block.nbytes
        found.append((block["code"], block["out"]))
    assert place == len(done.stdout)
    return found


def table_of(rng: np.random.Generator, n_rows: int) -> pandas.DataFrame:
    """Return rows like those of `a_table`, drawn from it column by column, with gaps and levels that were never seen."""
    table = a_table(rng)
    drawn = {name: column.to_numpy()[rng.integers(0, len(column), n_rows)] for name, column in table.items()}
    frame = pandas.DataFrame(drawn)
    for name in frame.columns:
        frame.loc[rng.random(n_rows) < 0.05, name] = ""
    frame.loc[rng.random(n_rows) < 0.05, "town"] = "Nowhere 7"
    return frame


def float_answers(model: Model, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the exact answers (n_rows, n_out), how far float32 may be off, and the rows on which float32 cannot overflow."""
    given = float_input_errors(model.preprocessor.rules, inputs)
    values, errors = running_errors(model.plan, inputs, given, float_rounding(model.plan))
    outputs, error = evaluate(model.plan, inputs), errors[model.plan.output_slot].T
    sound = np.isfinite(errors).all(axis=0) & (np.abs(values) < 1e30).all(axis=0) & (errors < 1e30).all(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        if model.task == "regression":
            scale, exact = model.target_scale, model.target_scale.invert(outputs)
            rounding = error + 4 * UNIT * (abs(scale.center) / scale.scale + np.abs(outputs))
            return exact, answer_errors(scale, exact, rounding) + 8 * UNIT * np.abs(exact), sound
        return class_probabilities(model.task, outputs), error.sum(axis=1, keepdims=True) + 16 * UNIT, sound

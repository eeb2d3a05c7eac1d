"""Exported C of random genomes with every activation and aggregation, on the host, under the sanitizers.

    python benchmarks/c_random.py [--genomes N] [--rows N]

float32 has to stay within the bound that a running error analysis gives each row, int16 has to be numpy's answer to the bit and
its outputs within their bound; some rows have infinities, gaps and numbers far out. Exit code 1 when one does not.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from c_programs import answers, build, float_answers, random_models
from test_readme import a_table

from propneat.compiler import evaluate
from propneat.export.c_columns import Layout, inputs_of, made_up_rows, plan_columns
from propneat.export.c_files import fixed_files, float_files
from propneat.export.c_fixed import quantise
from propneat.export.c_fixed_inputs import fix_rows
from propneat.export.c_fixed_run import fixed_errors, run_fixed
from propneat.genome import ACTIVATIONS, AGGREGATIONS
from propneat.model import Model

SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
AT_ONCE = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--genomes", type=int, default=300)
    parser.add_argument("--rows", type=int, default=10_000)
    options = parser.parse_args()
    rng, seen, failed = np.random.default_rng(0), set(), 0
    worst, sure, off = 0.0, [], []
    for first in range(0, options.genomes, AT_ONCE):
        models = random_models(rng, min(AT_ONCE, options.genomes - first), a_table(rng), scale=rng.choice([0.3, 0.7, 1.5]))
        seen |= {pair for m in models for pair in zip(m.plan.activation.tolist(), m.plan.aggregation.tolist(), strict=True)}
        layouts = [plan_columns(model) for model in models]
        rows = [spoiled(made_up_rows(layout, options.rows), layout, rng) for layout in layouts]
        inputs = [inputs_of(model, layout, x) for model, layout, x in zip(models, layouts, rows, strict=True)]
        outputs = [1 if model.task == "regression" else len(model.classes) for model in models]
        with tempfile.TemporaryDirectory() as folder:
            files = [float_files(model, f"m{k}", layout) for k, (model, layout) in enumerate(zip(models, layouts, strict=True))]
            found = answers(build(Path(folder), files, layouts, outputs, SANITIZED), rows, outputs)
        for model, exact, (_, out) in zip(models, inputs, found, strict=True):
            share, good = float_check(model, exact, out)
            worst, failed = max(worst, share), failed + (not good)
        fixed = [
            quantise(model, layout, "int16", exact[:1000]) for model, layout, exact in zip(models, layouts, inputs, strict=True)
        ]
        with tempfile.TemporaryDirectory() as folder:
            files = [fixed_files(one, f"m{k}") for k, one in enumerate(fixed)]
            whole = [fix_rows(x, one.inputs).astype(np.int32) for one, x in zip(fixed, rows, strict=True)]
            found = answers(build(Path(folder), files, layouts, outputs, SANITIZED, "int32_t"), whole, outputs, np.int32)
        for one, x, exact, (codes, out) in zip(fixed, rows, inputs, found, strict=True):
            run = run_fixed(one, x)
            good = ~run.saturated & np.isfinite(exact).all(axis=1)
            bound, error = fixed_errors(one, exact[good]), np.abs(run.outputs - evaluate(one.model.plan, exact))[good]
            same = (run.codes == codes).all() and (run.out == out).all()
            failed += not same or not (error <= bound).all()
            sure.append(good.mean())
            off.append(float(error.max(initial=0.0)))
        print(f"{first + len(models)} genomes, {failed} failed", flush=True)
    print(
        f"{options.genomes} genomes, {options.rows} rows each, {len({a for a, _ in seen})} of {len(ACTIVATIONS)} activations, {len({b for _, b in seen})} of {len(AGGREGATIONS)} aggregations"
    )
    print(
        f"float32: at most {worst:.2f} of its bound; int16: equal to the bit, {np.mean(sure):.1%} of rows without saturation, there the largest error of an output is {np.median(off):.2g} in the median genome"
    )
    print(f"{failed} failed")
    return int(failed > 0)


def spoiled(x: np.ndarray, layout: Layout, rng: np.random.Generator) -> np.ndarray:
    """Return rows of which a twentieth has gaps, and in columns of numbers infinities and numbers far out."""
    x = x.copy()
    n_rows = len(x) // 20
    odd = rng.choice(np.array([np.nan, np.inf, -np.inf, 1e30, -1e9], np.float32), (n_rows, x.shape[1]))
    odd[:, [column.kind in ("text", "truth") for column in layout.columns]] = np.nan
    x[:n_rows] = np.where(rng.random(odd.shape) < 0.3, odd, x[:n_rows])
    return x


def float_check(model: Model, exact: np.ndarray, out: np.ndarray) -> tuple[float, bool]:
    """Return the largest error as a share of its bound, over rows on which float32 cannot overflow, and whether all keep to it."""
    finite = np.isfinite(exact).all(axis=1)
    truth, bound, sound = float_answers(model, exact[finite])
    share = (np.abs(out[finite] - truth) / bound)[sound]
    return float(share.max(initial=0.0)), bool((share <= 1).all())


if __name__ == "__main__":
    raise SystemExit(main())

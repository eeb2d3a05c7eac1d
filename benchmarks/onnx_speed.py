"""Batch inference: a model as an ONNX graph in onnxruntime beside `predict_proba`, on one thread.

    .venv/bin/python benchmarks/onnx_speed.py [--model CHAMPION.json] [--size ROWS]

Rows are drawn between the bounds of the columns; the best of five runs counts, the making of arrays from the table not.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pandas

from propneat.export.onnx_form import to_onnx
from propneat.model import Model, load_model

EXAMPLE = Path(__file__).parent.parent / "results/examples/breast_cancer_wisconsin/champion.json"


def best_of(run: Callable[[], object], n_runs: int = 5) -> float:
    """Return the seconds of the fastest run."""
    seconds = []
    for _ in range(n_runs):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def rows_for(model: Model, n_rows: int) -> pandas.DataFrame:
    """Return numbers for every column that a plain number is taken of."""
    rng = np.random.default_rng(0)
    rules = {rule.feature: rule for rule in model.preprocessor.rules if rule.low is not None}
    return pandas.DataFrame({name: rng.uniform(rules[name].low, rules[name].high, n_rows) for name in model.used_features})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=EXAMPLE)
    parser.add_argument("--size", type=int, default=100_000, help="most rows at once")
    options = parser.parse_args()
    model = load_model(options.model)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(to_onnx(model).SerializeToString(), settings, providers=["CPUExecutionProvider"])
    print(f"{'rows':>8}  {'predict_proba':>14}  {'onnxruntime':>12}")
    for n_rows in (1, 1_000, options.size):
        table = rows_for(model, n_rows)
        given = {name: table[[name]].to_numpy() for name in table}
        own = best_of(lambda table=table: model.predict_proba(table))
        other = best_of(lambda given=given: session.run(["probabilities"], given))
        gap = np.abs(session.run(["probabilities"], given)[0] - model.predict_proba(table)).max()
        print(f"{n_rows:>8}  {1e3 * own:>11.3f} ms  {1e3 * other:>9.3f} ms  largest difference {gap:.1e}")


if __name__ == "__main__":
    main()

"""The documentation's plain evaluator beside `predict`, on many random models of tables with columns of every kind.

    python benchmarks/readme_evaluator.py [--tables 25] [--models 40]

Where answers differ, it is said how much those of `predict` itself move when the inputs change in their last bit.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from test_readme import answers_of, python_blocks, random_models  # noqa: E402


def main() -> None:
    """Print every model whose answers differ, and how many there are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=25)
    parser.add_argument("--models", type=int, default=40, help="models of each table")
    options = parser.parse_args()
    n_models = n_different = n_sensitive = 0
    with tempfile.TemporaryDirectory() as folder:
        evaluator, path, table = (Path(folder) / name for name in ("evaluate.py", "champion.json", "table.csv"))
        evaluator.write_text(
            next(block for block in python_blocks("docs/reference/genome-file.md") if "csv.DictReader" in block),
            encoding="utf-8",
        )
        for seed in range(options.tables):
            for model, expected, own in random_models(seed, options.models, table):
                model.save(path)
                answers = answers_of(evaluator, path, table).reshape(expected.shape)
                n_models += 1
                n_sensitive += own >= 1e-9
                if not np.allclose(answers, expected, rtol=1e-7, atol=1e-9):
                    n_different += 1
                    print(
                        f"table {seed}, {model.task}: differs by {np.abs(answers - expected).max():.2g}, predict moves by {own:.2g}"
                    )
    print(
        f"{n_models} models: {n_different} differ; of {n_sensitive} the answers of predict move with the last bit of an input"
    )


if __name__ == "__main__":
    main()

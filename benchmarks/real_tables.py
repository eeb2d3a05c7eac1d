"""Tables as people have them: propneat on the messy CSV file beside a scikit-learn pipeline on the clean columns.

    python benchmarks/real_tables.py [--only NAME ...] [--seeds N] [--json FILE]

Every table is made from its seed, see `made_tables`. propneat gets a file of training rows and a file of test rows without
their target, by its command line and without an option but --target. scikit-learn gets what stands in the cells, as numbers and
categories, and the better of linear and boosted models by cross-validation. Both are judged on the same test rows, by AUC or R2.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from made_tables import MAKERS, MadeTable
from made_tables.pipelines import best_pipeline
from sklearn.metrics import r2_score, roc_auc_score

__all__ = ["Result", "answers_of_propneat", "compare"]


@dataclass(frozen=True)
class Result:
    """Scores on the test rows of one table; `propneat` is None where it gave no answer, and `said` why, or its talk."""

    table: str
    seed: int
    task: str
    propneat: float | None
    sklearn: float
    pipeline: str
    propneat_seconds: float
    sklearn_seconds: float
    connections: int | None
    inputs: int | None
    said: str

    @property
    def difference(self) -> float | None:
        """How far propneat is ahead."""
        return None if self.propneat is None else self.propneat - self.sklearn

    @property
    def is_held(self) -> bool:
        """Whether propneat is within .01 AUC or .02 R2 of scikit-learn, or above."""
        return self.propneat is not None and self.difference >= (-0.01 if self.task == "binary" else -0.02)


class NoAnswerError(Exception):
    """A command of propneat did not do what was asked."""


def _run(command: Sequence[str], timeout: float) -> tuple[dict, str]:
    """Run a command of propneat; returns the JSON it prints and its talk."""
    try:
        words = [sys.executable, "-m", "propneat", *command, "--json"]
        done = subprocess.run(words, capture_output=True, check=False, text=True, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"{command[0]} took longer than {timeout:g} s") from error
    if done.returncode:
        raise NoAnswerError(done.stderr.strip().splitlines()[-1])
    return json.loads(done.stdout), done.stderr


def answers_of_propneat(made: MadeTable, folder: Path, seed: int, timeout: float) -> tuple[np.ndarray, dict, str]:
    """Train on the messy file of a table and answer its test rows: probabilities of the positive class, or numbers.

    Returns also the summary of the training and what it said. This is the one place that knows how propneat is used.
    """
    train, test, out = folder / "train.csv", folder / "test.csv", folder / "run"
    made.write(train, train=True)
    made.write(test, train=False)
    options = ["--target", made.target, "--test-fraction", "0", "--seed", str(seed), "--out", str(out)]
    summary, talk = _run(["evolve", str(train), *options], timeout)
    proba = ["--proba"] if summary["task"] != "regression" else []
    found, said = _run(["predict", str(out / "champion.json"), str(test), *proba], timeout)
    lines = [line for line in (talk + said).splitlines() if not line.startswith(("generation ", "Writing ", "Compiling "))]
    if made.task == "regression":
        return np.array([_as_number(answer) for answer in found["prediction"]]), summary, " | ".join(lines)
    columns = [found[name] for name in found if name.removeprefix("probability_").strip() == made.positive]
    if not columns:
        raise NoAnswerError(f"{made.positive!r} is not among the classes: the task was taken for {summary['task']}")
    return np.sum(columns, axis=0), summary, " | ".join(lines)


def _as_number(answer: float | str) -> float:
    """Return an answer as a number, also where a text such as $63,000 was taken for a class."""
    return float(answer) if isinstance(answer, float | int) else float(answer.strip().lstrip("$").replace(",", ""))


def compare(name: str, seed: int, timeout: float) -> Result:
    """Make a table and let both answer."""
    made = MAKERS[name](seed)
    rows, held_out = slice(made.n_train), slice(made.n_train, None)
    score = roc_auc_score if made.task == "binary" else r2_score
    begin = time.perf_counter()
    pipeline, model = best_pipeline(made.clean.iloc[rows], made.truth[rows], made.task, seed)
    test = made.clean.iloc[held_out]
    answers = model.predict_proba(test)[:, 1] if made.task == "binary" else model.predict(test)
    sklearn, sklearn_seconds = float(score(made.truth[held_out], answers)), time.perf_counter() - begin
    begin = time.perf_counter()
    found, summary = None, {}
    with tempfile.TemporaryDirectory() as folder:
        try:
            answers, summary, said = answers_of_propneat(made, Path(folder), seed, timeout)
            found = float(score(made.truth[held_out], answers))
        except (NoAnswerError, ValueError) as error:
            said = f"{error}".replace(folder, "")
    seconds, sizes = time.perf_counter() - begin, (summary.get("connections"), summary.get("inputs"))
    return Result(name, seed, made.task, found, sklearn, pipeline, round(seconds, 1), round(sklearn_seconds, 1), *sizes, said)


def show(result: Result) -> str:
    """Return a result as a line of the table."""
    measure = "AUC" if result.task == "binary" else "R2"
    ours, ahead = ("none", "") if result.propneat is None else (f"{result.propneat:.3f}", f"{result.difference:+.3f}")
    sizes = "" if result.inputs is None else f"{result.connections}/{result.inputs}"
    line = f"{result.table:10} {result.seed:4} {measure:4} {ours:>9} {result.sklearn:9.3f} {ahead:>9}  {sizes:>9} "
    return line + f"{result.propneat_seconds:7.1f} {result.sklearn_seconds:7.1f}  {result.pipeline}"


def main() -> None:
    """Print a line for every table and seed, and what propneat said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ", ".join(MAKERS)
    parser.add_argument("--only", nargs="+", choices=MAKERS, default=list(MAKERS), metavar="NAME", help=f"of {names}")
    parser.add_argument("--seeds", type=int, default=1, help="how many times each table is made and learnt")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds after which a command of propneat is given up")
    parser.add_argument("--json", type=Path, help="file to write all results to")
    parser.add_argument("--said", action="store_true", help="print what propneat said too")
    options = parser.parse_args()
    print(f"{'table':10} seed score  propneat   sklearn difference  size/inputs  seconds each   pipeline")
    results = []
    for name in options.only:
        for seed in range(options.seeds):
            result = compare(name, seed, options.timeout)
            results.append(result)
            print(show(result), flush=True)
            if options.said or result.propneat is None:
                print(f"           {result.said}")
    print(f"{sum(result.is_held for result in results)} of {len(results)} within .01 AUC or .02 R2 of scikit-learn, or above")
    if options.json:
        rows = [asdict(result) | {"difference": result.difference, "is_held": result.is_held} for result in results]
        options.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

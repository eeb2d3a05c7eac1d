"""Champions on microcontrollers: flash, RAM, cycles and AUC of exported C, measured by compilers and emulators.

    python benchmarks/c_export.py [--data-dir FOLDER] [--out FOLDER] [--suite NAME] [--sets N] [--peers]

Every set is divided once, 70 to 30, by class; a champion is trained on the first part and kept, so that a run that was stopped
goes on. It is then exported in each kind of number, the first part choosing the units, compiled and run on the emulator, and
scored on the second part. --peers adds trees and dense networks of emlearn (pip install emlearn), built by the same compiler on the
same split.
Results are rows of results.csv, and c_export.png.
"""

import argparse
import csv
import warnings
from pathlib import Path

import numpy as np
import pandas
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

from propneat import PropNEATClassifier
from propneat.base.errors import PropneatError
from propneat.base.records import format_csv, write_atomic
from propneat.benchmark.suites import suite_names
from propneat.data import encode_target, load_table
from propneat.export.c_columns import encode_rows, plan_columns
from propneat.export.c_export import COptions, export_c
from propneat.export.c_fixed_run import run_fixed
from propneat.export.c_targets import TARGETS, Measured, measure
from propneat.model import Model, load_model

PLAN = [
    ("int16", "avr"),
    ("int8", "avr"),
    ("float32", "avr"),
    ("int16", "cortex-m0"),
    ("int16", "cortex-m4"),
    ("int16", "riscv32"),
]
COLUMNS = [
    "data",
    "method",
    "target",
    "connections",
    "flash",
    "ram",
    "stack",
    "cycles",
    "rows",
    "wrong",
    "auc",
    "auc_float64",
    "difference",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="folder of PMLB files")
    parser.add_argument("--out", type=Path, default=Path("results/examples/c_export"))
    parser.add_argument("--suite", default="tabmini")
    parser.add_argument("--sets", type=int, help="only so many of the sets")
    parser.add_argument("--peers", action="store_true", help="emlearn too")
    options = parser.parse_args()
    (options.out / "champions").mkdir(parents=True, exist_ok=True)
    store = options.out / "results.csv"
    rows = read_rows(store)
    done = {(row["data"], row["method"], row["target"]) for row in rows}
    for name in suite_names(options.suite)[: options.sets]:
        train, test, y_train, y_test = divided(name, options.data_dir)
        model = champion(options.out / "champions" / f"{name}.json", train, y_train)
        for numbers, target in PLAN:
            if (name, f"propneat {numbers}", target) not in done:
                rows.append(ours(name, model, numbers, target, train.assign(target=y_train), test, y_test))
        if options.peers and not any(data == name and method.startswith("emlearn") for data, method, _ in done):
            rows += peers(name, train, test, y_train, y_test)
        write_atomic(store, format_csv(rows, COLUMNS))
        print(
            name,
            *(
                f"{row['method']}/{row['target']}: {row['flash']} B, {row['cycles']}, AUC {row['auc']}"
                for row in rows
                if row["data"] == name
            ),
            sep="\n  ",
            flush=True,
        )
    report(rows, options.out)


def read_rows(store: Path) -> list[dict[str, object]]:
    if not store.exists():
        return []
    with store.open(newline="") as file:
        return list(csv.DictReader(file))


def divided(name: str, data_dir: str | None) -> tuple[pandas.DataFrame, pandas.DataFrame, np.ndarray, np.ndarray]:
    table = load_table(name, data_dir=data_dir)
    y = encode_target(table.target, table.task)[1]
    return train_test_split(table.features, y, test_size=0.3, random_state=0, stratify=y)


def champion(path: Path, train: pandas.DataFrame, y: np.ndarray) -> Model:
    if not path.exists():
        PropNEATClassifier(random_state=0).fit(train, y).save(path)
    return load_model(path)


def ours(
    name: str, model: Model, numbers: str, target: str, train: pandas.DataFrame, test: pandas.DataFrame, y: np.ndarray
) -> dict[str, object]:
    made = export_c(model, COptions(numbers=numbers), train)
    found = measure(TARGETS[target], made.sources, "model", made.vectors)
    exact = model.predict_proba(test)
    answers = exact if made.fixed is None else run_fixed(made.fixed, encode_rows(model, plan_columns(model), test)).answers
    score = {
        "auc": f"{auc(y, answers):.5f}",
        "auc_float64": f"{auc(y, exact):.5f}",
        "difference": f"{np.abs(answers - exact).max():.3g}",
    }
    return row_of(name, f"propneat {numbers}", found) | {"connections": model.plan.n_edges} | score


def auc(y: np.ndarray, answers: np.ndarray) -> float:
    return float(roc_auc_score(y, answers[:, 1] if answers.shape[1] == 2 else answers, multi_class="ovr"))


def row_of(name: str, method: str, found: Measured) -> dict[str, object]:
    facts = {key: getattr(found, key) for key in ("target", "flash", "ram", "stack", "cycles", "rows", "wrong")}
    return (
        dict.fromkeys(COLUMNS, "")
        | {"data": name, "method": method}
        | {key: "" if value is None else value for key, value in facts.items()}
    )


def peers(
    name: str, train: pandas.DataFrame, test: pandas.DataFrame, y_train: np.ndarray, y_test: np.ndarray
) -> list[dict[str, object]]:
    with np.errstate():  # emlearn makes numpy raise for an underflow
        from c_export_peers import peer_rows

        found = peer_rows(train, test, y_train, y_test)
    return [dict.fromkeys(COLUMNS, "") | {"data": name} | row for row in found]


def report(rows: list[dict[str, object]], out: Path) -> None:
    """Print medians and means by method and chip, and draw flash and cycles of every set."""
    frame = pandas.DataFrame(rows).replace("", np.nan).infer_objects()
    frame[COLUMNS[3:]] = frame[COLUMNS[3:]].apply(pandas.to_numeric)
    frame["loss"] = frame["auc_float64"] - frame["auc"]
    shown = frame.groupby(["method", "target"], sort=False).agg(
        sets=("data", "size"), flash=("flash", "median"), largest=("flash", "max"), ram=("ram", "median"), stack=("stack", "median"),
        cycles=("cycles", "median"), slowest=("cycles", "max"), wrong=("wrong", "sum"), auc=("auc", "mean"), loss=("loss", "mean"), worst=("loss", "max"),
    )  # fmt: skip
    print(shown.round(4).to_string())
    draw(frame, out / "c_export.png")


def draw(frame: pandas.DataFrame, path: Path) -> None:
    """Draw time by flash for every set, and mean AUC by median flash for every method, on AVR."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    axes = figure.subplots(1, 2)
    avr = frame[frame["target"] == "avr"]
    for method, part in avr.groupby("method", sort=False):
        axes[0].scatter(part["flash"], part["cycles"] / 16e3, s=14)
        axes[1].scatter(part["flash"].median(), part["auc"].mean(), s=50, label=method, alpha=0.8)
    axes[0].set(
        xscale="log", yscale="log", xlabel="flash, bytes", ylabel="one answer, ms", title="ATmega328P at 16 MHz, every data set"
    )
    axes[1].set(
        xscale="log", xlabel="flash, bytes (median)", ylabel="test AUC (mean)", title=f"{avr['data'].nunique()} data sets"
    )
    for axis in axes:
        axis.set_xticks([500, 1000, 2000, 4000, 8000])
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    axes[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes[0].axvline(1024, color="0.7", lw=0.8)
    axes[1].legend(fontsize=8, loc="lower right")
    figure.savefig(path, dpi=130)


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            main()
        except PropneatError as error:
            raise SystemExit(f"Error: {error}") from error

"""`propneat predict`: a network's answers for the rows of a table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.folder import FILE, keep_apart

if TYPE_CHECKING:
    import pandas

    from propneat.model import Model

__all__ = ["predict"]


@click.command()
@click.argument("genome", type=click.Path(path_type=Path), metavar="GENOME.json")
@click.argument("data", metavar="DATA.csv")
@click.option("--proba", is_flag=True, help="Add the probability of every class.")
@click.option("--score", is_flag=True, help="Print how good the answers are instead of the answers; needs the target column.")
@click.option("--out", type=FILE, metavar="FILE", help="Write the answers to a CSV file.")
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of PMLB files, for DATA by name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def predict(genome: Path, data: str, proba: bool, score: bool, out: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """Apply a network to the rows of a table: one line of answer for each row, in order.

    \b
    Examples:
      propneat predict results/patients-seed0/champion.json new_patients.csv
      propneat predict champion.json new_patients.csv --proba --out answers.csv
      propneat predict champion.json patients.csv --score
      propneat predict champion.json breast_cancer_wisconsin --score --json

    The table needs the columns the network was trained on, in any order; others are ignored. DATA is a .csv, .tsv or
    .parquet file, or the name of a data set. The genome file holds all else that is needed.
    """
    from propneat.model import load_model

    keep_apart(out, genome, Path(data))
    model = load_model(genome)
    if proba and model.task == "regression":
        raise click.UsageError("--proba needs a network that tells classes apart, and this one predicts a number.")
    table = _read(data, data_dir)
    answers = _answers(model, table, proba)
    scores = _scores(model, table, data) if score else {}
    text = answers.to_csv(index=False, lineterminator="\n")
    if out or not (as_json or score):
        _say_formulas(answers)
    if out:
        from propneat.records import write_atomic

        write_atomic(out, text)
        click.echo(f"{len(answers)} answers written to {out}", err=True)
    if as_json:
        shown = {"scores": scores} if score else {} if out else answers.to_dict("list")
        content = {"rows": len(answers)} | shown
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif score:
        for name, value in scores.items():
            click.echo(f"{name:<18} {'undefined' if value is None else f'{value:.6g}'}")
    elif not out:
        click.echo(text, nl=False)


def _read(data: str, data_dir: Path | None) -> "pandas.DataFrame":
    from propneat.data.table import is_file_name

    if is_file_name(data):
        from propneat.data.files import read_table_file

        return read_table_file(data)
    from propneat.cli.data_notes import say_unchecked
    from propneat.data.named import load_named

    say_unchecked([data], data_dir)
    return load_named(data, data_dir)[0]


def _answers(model: "Model", table: "pandas.DataFrame", proba: bool) -> "pandas.DataFrame":
    """Return the column `prediction` and, when asked, a column `probability_<class>` for every class."""
    import pandas

    from propneat.model_scores import answer

    predictions, probabilities = answer(model, table)
    answers = pandas.DataFrame({"prediction": predictions})
    if proba:
        for number, label in enumerate(model.classes):
            answers[f"probability_{label}"] = probabilities[:, number]
    return answers


def _say_formulas(answers: "pandas.DataFrame") -> None:
    """Say when a class would be run as a formula by a spreadsheet: answers are the classes to the letter, for programs to read."""
    from propneat.records import is_formula

    found = next((text for text in answers["prediction"].unique() if is_formula(text)), None)
    if found is not None:
        click.echo(f"Class {found!r} is written as it is, and a spreadsheet takes it for a formula: import that column as text.", err=True)


def _scores(model: "Model", table: "pandas.DataFrame", data: str) -> dict[str, Any]:
    from propneat.errors import DataError
    from propneat.model_scores import score_model
    from propneat.run_folder import finite_or_none

    if model.target_name not in table.columns:
        raise DataError(f"{data} has no column {model.target_name!r}: scores need the true answers, leave out --score")
    return {name: finite_or_none(value) for name, value in score_model(model, table, table[model.target_name]).items()}

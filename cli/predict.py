"""`propneat predict`: a network's answers for the rows of a table."""

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.folder import FILE, keep_apart, writing

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy as np
    import pandas

    from propneat.model import Model
    from propneat.settings.reading import DelimitedForm

__all__ = ["header_of", "predict", "read_rows"]


@click.command()
@click.argument("genome", type=click.Path(path_type=Path), metavar="GENOME.json")
@click.argument("data", metavar="[DATA.csv|-]")
@click.option("--proba", is_flag=True, help="Add the probability of every class.")
@click.option("--score", is_flag=True, help="Print how good the answers are instead of the answers; needs the target column.")
@click.option(
    "--id", "identity", metavar="COLUMN", help="Repeat a column beside the answers.  [default: the one of propneat evolve --id]"
)
@click.option(
    "--out",
    type=FILE,
    metavar="FILE",
    help="Write the answers to a file: .csv, .tsv, .csv.gz, .parquet, .feather, .xlsx or .jsonl.",
)
@click.option("--data-dir", type=click.Path(file_okay=False, path_type=Path), help="Folder of PMLB files, for DATA by name.")
@click.option("--delimiter", metavar="CHARACTER", help="Between the cells of a text file.  [default: found out]")
@click.option("--encoding", metavar="NAME", help="Of a text file.  [default: utf-8, else cp1252]")
@click.option("--header/--no-header", default=None, help="Whether the first line names the columns.  [default: as in training]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def predict(
    genome: Path,
    data: str,
    proba: bool,
    score: bool,
    identity: str | None,
    out: Path | None,
    data_dir: Path | None,
    delimiter: str | None,
    encoding: str | None,
    header: bool | None,
    as_json: bool,
) -> None:
    """Apply a network to the rows of a table: one line of answer for each row, or for each sequence, in order.

    \b
    Examples:
      propneat predict results/patients-seed0/champion.json new_patients.csv
      propneat predict champion.json new_patients.csv --proba --out answers.csv
      propneat predict champion.json new_patients.csv --id patient
      propneat predict champion.json patients.csv --score
      cat new_patients.csv | propneat predict champion.json -
      propneat predict champion.json breast_cancer_wisconsin --score --json

    The table needs the columns that the network uses, in any order; others are ignored. DATA is a file, such as .csv,
    .parquet or .xlsx, the name of a data set, or - for delimited text from stdin. Cells are read as they were in training,
    whatever else the file holds; levels never seen, cells that cannot be read and numbers out of range are counted on the
    error stream.
    """
    from propneat.cli.answers_file import answers_ending, plain_answers, write_answers
    from propneat.model import load_model
    from propneat.settings.reading import DelimitedForm

    keep_apart(out, genome, Path(data))
    if out:
        answers_ending(out)
    model = load_model(genome)
    if proba and model.task == "regression":
        raise click.UsageError("--proba needs a network that tells classes apart, and this one predicts a number.")
    form = DelimitedForm(delimiter, encoding, header_of(model) if header is None else header)
    shown = [name for name in (identity, model.about.get("id"), model.target_name if score else None) if name is not None]
    table, notes = read_rows(model, data, form, data_dir, as_written=shown)
    answers, met = _answers(model, table, proba)
    _repeat_id(answers, model, table, identity)
    notes = [*notes, *met]
    scores, unscored = _scores(model, table, data) if score else ({}, [])
    for line in [*notes, *unscored]:
        click.echo(line, err=True)
    if out or not (as_json or score):
        _say_formulas(answers)
    if out:
        with writing(out):
            write_answers(out, answers)
        click.echo(f"{len(answers)} answers written to {out}", err=True)
    if as_json:
        shown = {"scores": scores} if score else {} if out else plain_answers(answers)
        content = {"rows": len(answers), "notes": [*notes, *unscored]} | shown
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    elif score:
        for name, value in scores.items():
            click.echo(f"{name:<18} {'undefined' if value is None else f'{value:.6g}'}")
    elif not out:
        click.echo(answers.to_csv(index=False, lineterminator="\n"), nl=False)


def header_of(model: "Model") -> bool | None:
    """A network trained on a table without a header reads tables without one."""
    names = [column.name for column in model.preprocessor.plan.columns]
    return False if names and all(re.fullmatch(r"column \d+", name) for name in names) else None


def read_rows(
    model: "Model", data: str, form: "DelimitedForm", data_dir: Path | None = None, *, as_written: "Collection[str]"
) -> "tuple[pandas.DataFrame, list[str]]":
    """Return the rows of a file, or of a data set by its name, for a model to answer, and what is to be said of them.

    Columns named in `as_written`, and of sequences all but the features, keep their texts.
    """
    from propneat.data.table import is_file_name

    if data == "-":
        from tempfile import NamedTemporaryFile

        from propneat.base.errors import DataError

        with NamedTemporaryFile(suffix=".csv") as file:
            file.write(sys.stdin.buffer.read())
            file.flush()
            try:
                return read_rows(model, file.name, form, as_written=as_written)
            except DataError as error:
                raise DataError(str(error).replace(file.name, "stdin")) from error
    if is_file_name(data):
        from propneat.data.files import read_planned

        of_sequences = () if model.sequence is None else (*model.sequence.names, model.target_name)
        raw = read_planned(data, form, model.preprocessor.plan, {*as_written, *of_sequences})
        return raw.frame, list(raw.notes)
    from propneat.cli.data_notes import say_unchecked
    from propneat.data.named import load_named

    say_unchecked([data], data_dir)
    return load_named(data, data_dir)[0], []


def _answers(model: "Model", table: "pandas.DataFrame", proba: bool) -> "tuple[pandas.DataFrame, list[str]]":
    """Return the column `prediction` and, when asked, a column `probability_<class>` for every class; and what was met."""
    import pandas

    from propneat.data.encounter import describe_encounter
    from propneat.model.scores import answer

    predictions, probabilities, broken = answer(model, table)
    answers = pandas.DataFrame({"prediction": predictions})
    if model.sequence is not None and model.sequence.next_step is None:
        answers.insert(0, model.sequence.id, model.sequence_rows(table)[1].ids)
    elif model.sequence is not None:
        for place, name in enumerate(model.sequence.names):
            answers.insert(place, name, table[name].to_numpy())
    if proba:
        for number, label in enumerate(model.classes):
            answers[f"probability_{label}"] = probabilities[:, number]
    notes = describe_encounter(model.preprocessor, table, model.used_features)
    lacks = _without_current(model, table) if broken.any() else broken
    if lacks.any():
        rows = ", ".join(str(row + 1) for row in lacks.nonzero()[0][:5])
        notes.append(
            f"no answer for {int(lacks.sum())} of {len(lacks)} rows: "
            f"a forecast adds to {model.target_name!r}, which has no number on row {rows}"
        )
    broken = broken & ~lacks
    if broken.any():
        rows = ", ".join(str(row + 1) for row in broken.nonzero()[0][:5])
        what = "row" if model.sequence is None or model.sequence.next_step else "sequence"
        notes.append(f"no answer for {int(broken.sum())} of {len(broken)} {what}s: the network overflows on {what} {rows}")
    return answers, notes


def _without_current(model: "Model", table: "pandas.DataFrame") -> "np.ndarray":
    """Return the rows whose forecast has nothing to add a change to, bool (n_rows,); none of a model of anything else."""
    import numpy as np

    if model.sequence is None or model.sequence.next_step is None:
        return np.zeros(1, bool)
    return np.isnan(model.current(table))


def _repeat_id(answers: "pandas.DataFrame", model: "Model", table: "pandas.DataFrame", wanted: str | None) -> None:
    """Put the column that names rows before their answers, where there is one; of sequences their own id stands there already."""
    from propneat.base.errors import DataError

    name = wanted if wanted is not None else model.about.get("id")
    if model.sequence is not None or name is None or (wanted is None and name not in table.columns):
        return
    if name not in table.columns:
        raise DataError(
            f"the table has no column {name!r} to repeat beside the answers: its columns are {', '.join(map(str, table.columns[:20]))}"
        )
    answers.insert(0, name, table[name].to_numpy(), allow_duplicates=True)


def _say_formulas(answers: "pandas.DataFrame") -> None:
    """Say when a class would be run as a formula by a spreadsheet: answers are the classes to the letter, for programs to read."""
    from propneat.base.records import is_formula

    found = next((text for text in answers["prediction"].unique() if is_formula(text)), None)
    if found is not None:
        click.echo(
            f"Class {found!r} is written as it is, and a spreadsheet takes it for a formula: import that column as text.",
            err=True,
        )


def _scores(model: "Model", table: "pandas.DataFrame", data: str) -> tuple[dict[str, Any], list[str]]:
    """Return the scores on rows that have a target, and a line that counts the others."""
    import pandas

    from propneat.base.errors import DataError
    from propneat.base.records import finite_or_none
    from propneat.model.scores import read_truth, score_model

    if model.sequence is not None and model.sequence.next_step is not None:
        return _forecast_scores(model, table)
    if model.target_name not in table.columns:
        raise DataError(f"{data} has no column {model.target_name!r}: scores need the true answers, leave out --score")
    present = read_truth(model, table[model.target_name]).notna().to_numpy()
    if not present.any():
        raise DataError(
            f"{data} has no value in the column {model.target_name!r}: scores need the true answers, leave out --score"
        )
    truth = table[model.target_name][present]
    if model.sequence is not None:
        truth = pandas.Series(model.sequence_rows(table[present])[1].answers(truth), name=model.target_name)
    scores = score_model(model, table[present], truth)
    n_absent = int((~present).sum())
    lines = [f"{n_absent} of {len(present)} rows have no target {model.target_name!r} and are not scored"] if n_absent else []
    return {name: finite_or_none(value) for name, value in scores.items()}, lines


def _forecast_scores(model: "Model", table: "pandas.DataFrame") -> tuple[dict[str, Any], list[str]]:
    """Return the scores of forecasts on the steps that another follows, and a line that counts the others."""
    from propneat.base.errors import DataError
    from propneat.base.records import finite_or_none
    from propneat.data.next_steps import NextSteps
    from propneat.model.scores import read_truth, score_answers

    if model.target_name not in table.columns:
        raise DataError(f"the table has no column {model.target_name!r}: scores need the true values, leave out --score")
    steps = NextSteps.of(model.sequence_rows(table)[1])
    present = read_truth(model, table[model.target_name].iloc[steps.next]).notna().to_numpy()
    if not present.any():
        raise DataError(
            f"no step is followed by one with a {model.target_name!r}: scores need the true values, leave out --score"
        )
    n_followed = int(present.sum())
    present = present & ~_without_current(model, table)[steps.now]
    if not present.any():
        raise DataError(f"no step with a {model.target_name!r} is followed by one with another: leave out --score")
    truth = table[model.target_name].iloc[steps.next[present]]
    scores = score_answers(model, model.outputs(table)[steps.now[present]], truth)
    lines = [f"{len(table) - n_followed} of {len(table)} rows have no step after them to score"]
    if n_followed > present.sum():
        lines.append(f"{n_followed - int(present.sum())} of {len(table)} rows have no forecast to score")
    return {name: finite_or_none(value) for name, value in scores.items()}, lines

"""`propneat pick`: another size for the network of a finished run, without training again."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.base.words import count
from propneat.cli.folder import FILE, keep_apart, writing
from propneat.cli.kinds import Pick

if TYPE_CHECKING:
    from propneat.run.folder import RunFolder

__all__ = ["pick", "renew"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--connections", type=click.IntRange(min=1), metavar="N", help="Take the best network of at most N connections.")
@click.option(
    "--rule", type=Pick(), metavar="RULE", help="Take best, one-standard-error, or 1%: each connection worth 1 % of the error."
)
@click.option("--out", type=FILE, metavar="FILE", help="Write the model there and leave the run as it is.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def pick(run: Path, connections: int | None, rule: str | int | None, out: Path | None, as_json: bool) -> None:
    """Show the best networks of every size that a run has found, or choose another of them as its champion.

    \b
    Examples:
      propneat pick results/patients-seed0
      propneat pick results/patients-seed0 --connections 12
      propneat pick results/patients-seed0 --connections 12 --out small.json
      propneat pick results/patients-seed0 --rule one-standard-error
      propneat pick results/patients-seed0 --rule 1%

    All of them were trained on the same rows when the run ended, so nothing is trained. Without --out the champion, its
    picture, the summary and the report of the run change; going back is possible at any time. Choose by the validation figures:
    the more often test scores are looked at to choose, the less they say of new rows.
    """
    from propneat.run.folder import RunFolder
    from propneat.run.front import front_rows, pick_network, read_front

    folder = RunFolder(run)
    if connections is not None and rule is not None:
        raise click.UsageError("--connections and --rule are two ways to choose: give one of them.")
    if connections is None and rule is None:
        if out:
            raise click.UsageError("--out needs --connections or --rule, which say what to write.")
        entries = read_front(folder)
        rows, taken = front_rows(entries), _connections_of_champion(folder.read_summary())
        click.echo(json.dumps(rows, indent=2) if as_json else _table(rows, taken))
        return
    keep_apart(out, *folder.files)
    chosen = connections if rule is None else rule
    if out:
        with writing(out):
            facts = pick_network(folder, chosen, out)
    else:
        facts = pick_network(folder, chosen)
        renew(folder)
    click.echo(json.dumps(facts, indent=2) if as_json else _sentence(facts, out or folder.champion))


def renew(folder: "RunFolder") -> dict[str, Any] | None:
    """Write the report of a run anew and return its summary; say so and return None where its table is not to be had."""
    from propneat.base.errors import PropneatError
    from propneat.run import prepare_run
    from propneat.run.life import settings_of_run
    from propneat.run.report import renew_report
    from propneat.run.session import settled

    try:
        settings = settings_of_run(folder, {})
        data = prepare_run(settings)
        with folder.held():
            return renew_report(folder, settled(settings, data), data)
    except (PropneatError, OSError) as error:
        words = "No report of the network picked could be written, and that of the one before is removed"
        click.echo(f"{words}: {error}", err=True)
        return None


def _connections_of_champion(summary: dict[str, Any] | None) -> int | None:
    return None if summary is None else summary["connections"]


def _table(rows: list[dict[str, Any]], taken: int | None) -> str:
    heads = ("connections", "hidden", "inputs", "formula", "loss", "+-", "score")
    lines = [tuple(_cell(value) for value in row.values()) for row in rows]
    widths = [max(len(line[k]) for line in [heads, *lines]) for k in range(len(heads))]
    shown = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        + ("  <- champion" if number > 0 and rows[number - 1]["connections"] == taken else "")
        for number, line in enumerate([heads, *lines])
    ]
    return "\n".join(
        [*shown, "", "formula: operators, constants and variables; loss, its standard error and score: validation rows"]
    )


def _cell(value: float | None) -> str:
    return "-" if value is None else str(value) if isinstance(value, int) else f"{value:.4f}"


def _sentence(facts: dict[str, Any], path: Path) -> str:
    tested = ", ".join(f"{name} {value:.4f}" for name, value in facts["test"].items() if value is not None)
    return f"{count(facts['connections'], 'connection')}, validation loss {_cell(facts['validation_loss'])}; test {tested or 'none'}: {path}"

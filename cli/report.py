"""`propneat report`: the page of a run, made anew."""

import json
from pathlib import Path

import click

__all__ = ["report"]


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print the summary of the run as one JSON object.")
def report(run: Path, as_json: bool) -> None:
    """Write the report of a run anew: its champion beside two baselines on the rows held out, as one page.

    \b
    Examples:
      propneat report results/patients-seed0

    propneat evolve writes report.html at its end, unless --no-report is given, and propneat pick when it changes the champion.
    The table must be where it was, and as it was. Nothing is evolved or trained but the baselines.
    """
    from propneat.run import open_run_folder, prepare_run
    from propneat.run.life import settings_of_run
    from propneat.run.report import renew_report
    from propneat.run.session import settled

    folder = open_run_folder(run)
    settings = settings_of_run(folder, {})
    data = prepare_run(settings)
    with folder.held():
        summary = renew_report(folder, settled(settings, data), data)
    click.echo(json.dumps(summary, indent=2, ensure_ascii=False) if as_json else str(folder.report))

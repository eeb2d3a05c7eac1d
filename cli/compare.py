"""`propneat compare`: two runs beside each other."""

import json
from pathlib import Path
from typing import Any

import click

from propneat.cli.table import as_text, print_table

__all__ = ["compare"]


@click.command()
@click.argument("first", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("second", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def compare(first: Path, second: Path, as_json: bool) -> None:
    """Compare two runs: rows, test scores, sizes, the settings that differ, and a test where the test rows are the same.

    \b
    Examples:
      propneat compare results/patients-seed0 results/patients-seed0-2

    Test rows follow from the table, the test fraction and the seed. Where both runs held out the same rows, the scores of both
    networks on these are drawn anew 1,000 times in pairs, which gives a 95 % interval of the difference and a p-value.
    """
    from propneat.run.comparing import compare_runs

    found = compare_runs(first, second)
    if as_json:
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    heads = ("", *found["runs"])
    rows = [(name, *map(_cell, pair)) for name, pair in found["facts"].items()]
    names = dict.fromkeys(name for scores in found["test"] for name in scores)
    rows += [(f"test {name}", *(_cell(scores.get(name)) for scores in found["test"])) for name in names]
    rows += [(name, *map(_cell, pair)) for name, pair in found["settings"].items()]
    print_table(heads, rows)
    click.echo()
    click.echo("\n".join(_verdict(found)))


def _cell(value: Any) -> str:
    return "-" if value is None else ", ".join(map(str, value)) if isinstance(value, list | tuple) else as_text(value)


def _verdict(found: dict[str, Any]) -> list[str]:
    if not found["same_test_rows"]:
        return ["The runs held out other rows, so their scores differ by chance in the rows too: no test is made."]
    if not found["first_less_second"]:
        return ["A network gives an answer that is no finite number, so no test is made."]
    lines = ["Both held out the same rows. The first less the second, with a 95 % interval:"]
    for name, gap in found["first_less_second"].items():
        if gap["value"] == gap["value"]:
            lines.append(f"  {name:<18}{gap['value']:+.4f}  {gap['low']:+.4f} to {gap['high']:+.4f}  p = {gap['p_value']:.2g}")
    return lines

"""What is done with the results of a benchmark: status, report, export, merge; and what can be benchmarked."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.folder import FILE, FOLDER, keep_apart
from propneat.cli.table import print_table

if TYPE_CHECKING:
    from propneat.benchmark import Store
    from propneat.benchmark.published import PublishedValue

__all__ = ["export", "merge", "methods", "print_summary", "read_names", "report", "status", "write_the_report"]

_HEADS = {
    "method": "method",
    "mean_auc": "mean AUC",
    "mean_r2": "mean R²",
    "mean_r2_area": "mean R² area",
    "n_datasets": "data sets",
    "mean_rank": "mean rank",
    "fit_seconds": "fit s",
    "n_parameters": "parameters",
    "n_nodes": "formula nodes",
    "failed": "failed",
}
_OF_KIND = {"classification": ("n_nodes",), "regression": ()}
"""Columns that a table of a kind of task does not show."""
_folder = click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
_quiet = click.option("--quiet", is_flag=True, help="Print nothing but the result.")


@click.command()
@_folder
@_as_json
def status(folder: Path, as_json: bool) -> None:
    """Say how far a run is, also while it goes on.

    \b
    Examples:
      propneat benchmark status results/benchmark-embedded-cv
      propneat benchmark status results/benchmark-embedded-cv --json

    The exit code is 1 when some tasks failed.
    """
    from propneat.benchmark import open_store
    from propneat.benchmark.results import read_rows
    from propneat.benchmark.states import find_mixture
    from propneat.benchmark.task import FAILURES

    with open_store(folder) as store:
        rows, mixture = read_rows(store), find_mixture(store.states())
    counts = rows["status"].value_counts().to_dict()
    table = rows.pivot_table(index="label", columns="status", values="key", aggfunc="count", fill_value=0)
    if as_json:
        click.echo(json.dumps({"tasks": len(rows), "counts": counts, "methods": table.to_dict("index")}, indent=2))
    else:
        cells = zip(table.index, table.to_numpy().tolist(), strict=True)
        print_table(["method", *table.columns], [[name, *row] for name, row in cells])
        told = ", ".join(f"{number} {name}" for name, number in counts.items())
        click.echo(f"{len(rows)} tasks: {told}", err=True)
    if mixture:
        click.echo(f"These are results of {mixture}, which do not compare: there is no report of them.", err=True)
    click.get_current_context().exit(1 if any(name in counts for name in FAILURES) else 0)


@click.command()
@_folder
@click.option("--score", metavar="NAME", help="What methods are compared by.  [default: auc, or r2]")
@click.option(
    "--published",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Scores of others, to be ranked beside those of the run.",
)
@click.option("--methods", metavar="NAME,NAME,...", help="Only these methods of the run.  [default: all]")
@click.option("--published-methods", metavar="NAME,NAME,...", help="Only these methods of the file.  [default: all]")
@click.option("--out", type=FOLDER, metavar="DIR", help="Where to write it.  [default: the folder of results]")
@_quiet
def report(
    folder: Path,
    score: str | None,
    methods: str | None,
    published: Path | None,
    published_methods: str | None,
    out: Path | None,
    quiet: bool,
) -> None:
    """Write report.html, report.md, report.json and figures from the results in a folder.

    \b
    Examples:
      propneat benchmark report results/benchmark-embedded-cv
      propneat benchmark report results/benchmark-embedded-cv --score log_loss --out by-log-loss
      propneat benchmark report results/benchmark-srbench-srbench --published srbench2021.csv --methods propneat

    The page needs no network. It can be made while the run goes on, from what there is. A file of published scores has the
    columns dataset, method, score (or r2_test, auc, ...) and if known size and seconds, or a column dataset and one for
    each method.
    """
    from propneat.benchmark import open_store
    from propneat.benchmark.published import read_published, select_published

    if published_methods is not None and published is None:
        raise click.UsageError("--published-methods goes with --published FILE.")
    values = []
    if published is not None:
        values = select_published(read_published(published), read_names("--published-methods", published_methods))
    chosen = read_names("--methods", methods)
    with open_store(folder) as store:
        write_the_report(store, out or folder, quiet, score=score, methods=chosen, published=values)


@click.command()
@_folder
@click.option("--format", "file_format", type=click.Choice(["csv", "parquet", "json"]), default="csv", show_default=True)
@click.option("--out", type=FILE, metavar="FILE", help="[default: DIR/results.FORMAT]")
def export(folder: Path, file_format: str, out: Path | None) -> None:
    """Write one row per task, with its identity, status, metrics, times and sizes.

    \b
    Examples:
      propneat benchmark export results/benchmark-embedded-cv
      propneat benchmark export results/benchmark-embedded-cv --format parquet --out all.parquet
    """
    from propneat.benchmark import open_store
    from propneat.benchmark.export import export_results
    from propneat.benchmark.store import FILE_NAME

    path = out or folder / f"results.{file_format}"
    keep_apart(path, folder / FILE_NAME)
    with open_store(folder) as store:
        n_rows = export_results(store, path, file_format)
    click.echo(str(path))
    click.echo(f"{n_rows} rows", err=True)


@click.command()
@click.argument("target", type=FOLDER, metavar="DIR")
@click.argument("sources", type=click.Path(path_type=Path), metavar="SHARD_DIR...", nargs=-1, required=True)
@_quiet
def merge(target: Path, sources: tuple[Path, ...], quiet: bool) -> None:
    """Join the results of several folders in the first one, which is made if it is not there.

    \b
    Examples:
      propneat benchmark merge results/whole shards/1 shards/2 shards/3

    A task that several folders hold is taken once. The folders must be of one protocol, one version of propneat, and the
    same data. When one of them cannot be read, nothing is merged.
    """
    from propneat.benchmark import open_store
    from propneat.benchmark.merge import check_mergeable, merge_stores
    from propneat.benchmark.store import create_store

    with ExitStack() as stack:
        opened = [stack.enter_context(open_store(source)) for source in sources]
        check_mergeable(opened)
        store = stack.enter_context(create_store(target))
        counts = merge_stores(store, opened)
    for source, (n_new, n_known) in zip(sources, counts, strict=True):
        if not quiet:
            click.echo(f"{source}: {n_new} new results, {n_known} known already", err=True)
    click.echo(str(target))


@click.command()
@_as_json
def methods(as_json: bool) -> None:
    """List the methods, the suites of data sets and the protocols.

    \b
    Examples:
      propneat benchmark methods

    A method of your own is a propneat.methods.Method object, named as package.module:attribute.
    """
    from propneat.benchmark.splits import PROTOCOLS
    from propneat.benchmark.suites import SUITES
    from propneat.methods import METHODS

    if as_json:
        described: list[dict[str, Any]] = [
            {name: getattr(method, name) for name in ("name", "summary", "cost", "paper", "tasks", "is_core")}
            | {"options": dict(method.options)}
            for method in METHODS.values()
        ]
        click.echo(json.dumps({"methods": described, "suites": SUITES, "protocols": PROTOCOLS}, indent=2, default=list))
        return
    rows = [
        [method.name, "yes" if method.is_core else "", _for(method.tasks), method.summary, method.cost]
        for method in METHODS.values()
    ]
    print_table(["method", "core", "for", "what it is", "what a fit costs"], rows)
    click.echo("")
    print_table(["suite", "data sets"], [[name, about] for name, about in SUITES.items()])
    click.echo("")
    print_table(["protocol", "how rows are divided"], [[name, about] for name, about in PROTOCOLS.items()])


def _for(tasks: tuple[str, ...]) -> str:
    """Return in words what a method is for."""
    kinds = {"classes": "multiclass" in tasks or "binary" in tasks, "numbers": "regression" in tasks}
    return ", ".join(kind for kind, is_so in kinds.items() if is_so)


def print_summary(store: "Store", *, as_json: bool, quiet: bool) -> None:
    """Print what each method came to, best mean rank first, on stdout."""
    from propneat.benchmark.results import comparable_rows, summarise

    summary = summarise(comparable_rows(store))
    if as_json:
        click.echo(json.dumps({"folder": str(store.path.parent), "methods": summary}, indent=2))
        return
    kinds = list(dict.fromkeys(row["kind"] for row in summary))
    for kind in kinds:
        own = [row for row in summary if row["kind"] == kind]
        heads = [name for name in _HEADS if name in own[0] and name not in _OF_KIND[kind]]
        if len(kinds) > 1:
            click.echo(f"{kind}:")
        print_table([_HEADS[name] for name in heads], [[_cell(name, row[name]) for name in heads] for row in own])
        score, n_common = _HEADS[f"mean_{own[0]['metric']}"].removeprefix("mean "), own[0]["n_common"]
        common = f"{score} and rank over the {n_common} data sets that every method has results for"
        none = f"No data set has results of every method yet, so there is no {score} or rank to compare"
        if not quiet:
            click.echo(f"{common if n_common else none}; medians of seconds and parameters over data sets.", err=True)


def read_names(option: str, text: str | None) -> tuple[str, ...]:
    """Return names that stand between commas; raises click.UsageError for an option without any."""
    names = tuple(name.strip() for name in (text or "").split(",") if name.strip())
    if text is not None and not names:
        raise click.UsageError(f"{option} is given without a name: name some, separated by commas, or leave it out.")
    return names


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    digits = {"mean_rank": 2, "fit_seconds": 2, "n_parameters": 0, "n_nodes": 0}
    places = digits.get(name, 4 if name.startswith("mean_") else None)
    return str(value) if places is None else f"{value:.{places}f}"


def write_the_report(
    store: "Store",
    folder: Path,
    quiet: bool,
    *,
    score: str | None = None,
    methods: Sequence[str] = (),
    published: "Sequence[PublishedValue]" = (),
) -> None:
    """Write the report of a store into a folder, and say where it is."""
    from propneat.benchmark.published import rank_beside
    from propneat.benchmark.results import load_results
    from propneat.cli.run_view import say_when_slow
    from propneat.report.benchmark import write_report

    with say_when_slow("Writing the report ...", seconds=2.0, quiet=quiet):
        results, line = load_results(store, store.path.parent.name, score, methods), None
        if published:
            results, line = rank_beside(results, published)
        written = write_report(results, folder)
    if not quiet:
        if line is not None:
            click.echo(f"published  {line}", err=True)
        click.echo(f"report     {written.html}", err=True)

"""`propneat show`: what a genome file holds, in words and as a drawing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.base.words import count
from propneat.cli.folder import FILE, keep_apart, writing

if TYPE_CHECKING:
    from propneat.model import Model
    from propneat.model.summary import NetworkSummary

__all__ = ["show"]

_MOST_INPUTS = 10
_MOST_LINES, _DIGITS = 10, 4
"""Of a formula that is shown."""


@click.command()
@click.argument("genome", type=click.Path(path_type=Path), metavar="GENOME.json")
@click.option("--svg", type=FILE, metavar="FILE", help="Draw the network to an SVG file.")
@click.option("--weights", is_flag=True, help="Write the weight of every connection into the drawing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(genome: Path, svg: Path | None, weights: bool, as_json: bool) -> None:
    """Describe a network: its size, its inputs, and node by node what it computes.

    Of the champion of a run it also says what columns are worth on the rows held out.

    \b
    Examples:
      propneat show results/patients-seed0/champion.json
      propneat show champion.json --svg network.svg --weights
      propneat show champion.json --json
    """
    from propneat.control.champion import champion_of
    from propneat.genome import parse_document
    from propneat.model import load_genome_file, read_genome_text
    from propneat.model.summary import summarise

    if weights and svg is None:
        raise click.UsageError("--weights is for the drawing: name its file with --svg.")
    keep_apart(svg, genome)
    found, model = load_genome_file(genome)
    names = (model.input_names, model.output_names) if model else (None, None)
    summary = summarise(found, *names)
    if svg:
        from propneat.base.records import write_atomic
        from propneat.report.network_svg import draw_network

        drawing = draw_network(found, input_names=names[0], output_names=names[1], title=genome.stem, weights=weights)
        with writing(svg):
            write_atomic(svg, drawing)
        click.echo(f"Drawing written to {svg}", err=True)
    champion = None if model else champion_of(found, parse_document(read_genome_text(genome)))
    task = model.task if model else "control" if champion else None
    if as_json:
        about = dict(model.about) if model else dict(champion.about) if champion else {}
        click.echo(json.dumps({"task": task, "about": about} | summary.to_dict(), indent=2, ensure_ascii=False))
        return
    facts: dict[str, Any] = {"task": f"{task}, target {model.target_name}" if model else "unknown, the file is a bare genome"}
    if champion:
        facts["task"] = f"acts in {champion.environment}, action: {champion.action.rule}"
    if model and model.sequence and model.sequence.next_step:
        how = ", as the change to it" if model.sequence.next_step == "change" else ""
        facts["forecasts"] = f"{model.target_name} of the next step{how}"
    elif model and model.sequence:
        how = "at its last step" if model.sequence.answer == "last" else "by the mean over its steps"
        facts["answers"] = f"a sequence, {how}"
    if model and model.classes:
        facts["classes"] = ", ".join(map(str, model.classes))
    click.echo(_text(facts | _facts(summary) | _worth(genome)))
    click.echo()
    click.echo("\n".join(_lines(summary)))
    if model:
        click.echo("\n".join(_formula(model)), nl=False)


def _formula(model: "Model") -> list[str]:
    """Return the formula of a model where it fits into a few lines."""
    from propneat.base.errors import PropneatError
    from propneat.export.plain_text import to_lines
    from propneat.formula import round_formula

    try:
        lines = to_lines(round_formula(model.formula, _DIGITS))
    except PropneatError:
        return []
    head = ["", f"formula, {_DIGITS} digits, columns kept within the range of training"]
    return [*head, *(f"  {line}" for line in lines), ""] if len(lines) <= _MOST_LINES else []


def _facts(summary: "NetworkSummary") -> dict[str, str]:
    things = ((summary.n_connections, "connection"), (summary.n_hidden, "hidden node"), (summary.n_layers, "layer"))
    return {
        "size": ", ".join(count(*each) for each in things),
        "formula": f"{summary.n_nodes} operators, constants and variables",
        "idle genes": f"{count(summary.n_idle_connections, 'connection')}, {count(summary.n_idle_nodes, 'hidden node')}",
        "activations": ", ".join(f"{name} {count}" for name, count in summary.activations.items()),
        "inputs": f"{len(summary.used_inputs)} of {summary.n_inputs} used",
        "used": ", ".join(summary.used_inputs) or "none",
        "unused": ", ".join(summary.unused_inputs) or "none",
    }


def _worth(genome: Path) -> dict[str, str]:
    """Return what the columns are worth to the champion of a run, as its summary says."""
    from propneat.report.run_page.tables import SCORE_WORDS
    from propneat.run.folder import RunFolder

    folder = RunFolder(genome.parent)
    summary = folder.read_summary() if genome.name == folder.champion.name else None
    if summary is None or "importance" not in summary:
        return {}
    found = summary["importance"]
    shown = [f"{one['column']} {_figure(one['mean'])} ± {_figure(one['spread'])}" for one in found["columns"][:_MOST_INPUTS]]
    how = f"change of {SCORE_WORDS[found['score']]} when shuffled, on {summary['unit']} held out"
    return {"importance": f"{', '.join(shown)} ({how})"}


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"


def _text(facts: dict[str, str]) -> str:
    return "\n".join(f"{name:<12}{value}" for name, value in facts.items())


def _lines(summary: "NetworkSummary") -> list[str]:
    """One line for each node that computes, under the layer it is in."""
    lines, layer = [], None
    for node in summary.nodes:
        if node.layer != layer:
            layer = node.layer
            lines.append(f"layer {layer}")
        terms = [f"{weight:+.3g} {name}" for name, weight in node.terms]
        joined = " ".join(terms) if node.aggregation == "sum" else f"{node.aggregation}({', '.join(terms)})"
        slow = f", followed with a time constant of {node.time_constant:.3g} steps" if node.time_constant else ""
        lines.append(
            f"  {node.name} = {node.activation}({' '.join(part for part in (joined, f'{node.bias:+.3g}') if part)}){slow}"
        )
    return lines

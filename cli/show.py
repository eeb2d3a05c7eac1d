"""`propneat show`: what a genome file holds, in words and as a drawing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

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
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(genome: Path, svg: Path | None, as_json: bool) -> None:
    """Describe a network: its size, its most important inputs, and node by node what it computes.

    \b
    Examples:
      propneat show results/patients-seed0/champion.json
      propneat show champion.json --svg network.svg
      propneat show champion.json --json
    """
    from propneat.control.champion import champion_of
    from propneat.genome import parse_document
    from propneat.model import load_genome_file, read_genome_text
    from propneat.model.summary import summarise

    keep_apart(svg, genome)
    found, model = load_genome_file(genome)
    names = (model.input_names, model.output_names) if model else (None, None)
    summary = summarise(found, *names)
    if svg:
        from propneat.base.records import write_atomic
        from propneat.report.network_svg import draw_network

        drawing = draw_network(found, input_names=names[0], output_names=names[1], title=genome.stem)
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
    if model and model.classes:
        facts["classes"] = ", ".join(map(str, model.classes))
    click.echo(_text(facts | _facts(summary)))
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
    used, n_inputs = len(summary.input_importance), summary.n_inputs
    heaviest = list(summary.input_importance.items())[:_MOST_INPUTS]
    return {
        "size": f"{summary.n_connections} connections, {summary.n_hidden} hidden nodes, {summary.n_layers} layers",
        "formula": f"{summary.n_nodes} operators, constants and variables",
        "idle genes": f"{summary.n_idle_connections} connections, {summary.n_idle_nodes} hidden nodes",
        "activations": ", ".join(f"{name} {count}" for name, count in summary.activations.items()),
        "inputs": f"{used} of {n_inputs} used",
        "heaviest": ", ".join(f"{name} {value:.3g}" for name, value in heaviest) + " (sum of |weight|)" if heaviest else "none",
        "unused": ", ".join(summary.unused_inputs) or "none",
    }


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
        lines.append(f"  {node.name} = {node.activation}({' '.join(part for part in (joined, f'{node.bias:+.3g}') if part)})")
    return lines

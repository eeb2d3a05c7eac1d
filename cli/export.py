"""`propneat export`: a network in the format of another tool."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.export_c import c_options, c_settings, write_c
from propneat.cli.folder import PLACE, keep_apart, writing

if TYPE_CHECKING:
    from propneat.genome import Genome
    from propneat.model import Model

__all__ = ["export"]


@click.command()
@click.argument("genome", type=click.Path(path_type=Path), metavar="GENOME.json")
@click.option("--to", "form", required=True, type=click.Choice(["json", "dot", "graphml", "svg", "torch", "c", "micropython"]), help="The format.")
@click.option("--out", type=PLACE, metavar="FILE", help="File to write, not stdout; of C the folder.")
@c_options
def export(genome: Path, form: str, out: Path | None, **more: Any) -> None:
    """Write a network in another format.

    \b
    Examples:
      propneat export champion.json --to dot | dot -Tpdf -o network.pdf
      propneat export champion.json --to graphml --out network.graphml
      propneat export champion.json --to svg --out network.svg
      propneat export champion.json --to torch --out network.pt2
      propneat export champion.json --to c --name valve --out firmware/valve

    json is propneat's own form, its lists in order; dot (Graphviz) and graphml hold every gene; svg is a drawing of what takes
    part in an output. torch is a program that torch.export.load("network.pt2").module() runs without propneat:
    float32 rows of preprocessed inputs to raw outputs. c is a header and a source in C99 for microcontrollers and everything
    else, from the values of columns to probabilities or the number. Only json and c carry the preprocessing.
    """
    from propneat.model import load_genome_file, load_model

    given = c_settings(form, more)
    keep_apart(out, genome)
    if form != "c" and out is not None and out.is_dir():
        raise click.UsageError(f"{out} is a directory: --to {form} writes a file.")
    if form == "c":
        write_c(load_model(genome), out, given)
        return
    if form == "micropython":
        from propneat.export.micropython import micropython_text

        _put(micropython_text(load_model(genome)), out)
        return
    found, model = load_genome_file(genome)
    if form == "torch":
        if out is None:
            raise click.UsageError("--to torch writes a binary file: name it with --out.")
        from propneat.compiler import compile_genome
        from propneat.compiler.network import export_program

        with writing(out):
            export_program(compile_genome(found), out)
        click.echo(f"Wrote {out}", err=True)
    else:
        _put(_text(form, found, model, genome.stem), out)


def _put(text: str, out: Path | None) -> None:
    """Write a text to a file and say so, or to stdout."""
    from propneat.records import write_atomic

    if out is None:
        click.echo(text, nl=False)
        return
    with writing(out):
        write_atomic(out, text)
    click.echo(f"Wrote {out}", err=True)


def _text(form: str, genome: "Genome", model: "Model | None", title: str) -> str:
    names = (model.input_names, model.output_names) if model else (None, None)
    if form == "svg":
        from propneat.report.network_svg import draw_network

        return draw_network(genome, input_names=names[0], output_names=names[1], title=title)
    if form == "json":
        from propneat.genome import format_document, genome_to_document

        return model.to_json() if model else format_document(genome_to_document(genome))
    from propneat.genome.graph_form import to_dot, to_graphml
    from propneat.genome.presentation import node_names

    return to_dot(genome, *names) if form == "dot" else to_graphml(genome, node_names(genome, *names))

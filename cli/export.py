"""`propneat export`: a network in the format of another tool."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from propneat.cli.export_c import c_options, c_settings, write_c
from propneat.cli.export_formula import FORMULAS, formula_options, formula_text
from propneat.cli.folder import PLACE, keep_apart, writing

if TYPE_CHECKING:
    from propneat.genome import Genome
    from propneat.model import Model

__all__ = ["export"]


@click.command()
@click.argument("genome", type=click.Path(path_type=Path), metavar="GENOME.json")
@click.option(
    "--to",
    "form",
    required=True,
    type=click.Choice(["json", "dot", "graphml", "svg", "html", "torch", "onnx", "c", "micropython", *FORMULAS]),
    help="The format.",
)
@click.option("--out", type=PLACE, metavar="FILE", help="File to write, not stdout; of C the folder.")
@formula_options
@c_options
def export(genome: Path, form: str, out: Path | None, digits: int | str | None, rows: str | None, **more: Any) -> None:
    """Write a network in another format.

    \b
    Examples:
      propneat export champion.json --to dot | dot -Tpdf -o network.pdf
      propneat export champion.json --to graphml --out network.graphml
      propneat export champion.json --to svg --out network.svg
      propneat export champion.json --to torch --out network.pt2
      propneat export champion.json --to onnx --out model.onnx
      propneat export champion.json --to html --out model.html
      propneat export champion.json --to python --digits 4 --out formula.py
      propneat export champion.json --to c --numbers int16 --rows data.csv --target avr --out firmware

    json is propneat's own form, its lists in order; dot (Graphviz) and graphml hold every gene; svg is a drawing of what takes
    part in an output. torch is a program that torch.export.load("network.pt2").module() runs without propneat:
    float32 rows of preprocessed inputs to raw outputs. Of these only json carries the preprocessing.

    excel, js, latex, python, sql and sympy are the formula of the whole model, from the columns of the table to the answer:
    python and js one function without dependencies, sql one expression for PostgreSQL, SQLite and DuckDB, excel a cell.
    onnx is the whole model as a graph with an input for each column. html is a page that
    needs nothing else: controls for the columns, the answer, and the network lit up by what each node says.

    c is a header and a source in C99 for microcontrollers and everything else, from the values of columns to probabilities or
    the number; micropython is a module in plain Python that does the same.
    """
    from propneat.base.records import write_atomic
    from propneat.model import load_genome_file

    given = c_settings(form, more)
    keep_apart(out, genome)
    if form != "c" and out is not None and out.is_dir():
        raise click.UsageError(f"{out} is a directory: --to {form} writes a file.")
    if (digits and form not in FORMULAS) or (rows and form not in (*FORMULAS, "c")):
        raise click.UsageError(f"--{'digits' if digits else 'rows'} is for formulas, and --to {form} writes none.")
    found, model = load_genome_file(genome)
    if form == "c":
        _expect_model(model, genome)
        write_c(model, out, rows, given)
        return
    if form in ("torch", "onnx"):
        if out is None:
            raise click.UsageError(f"--to {form} writes a binary file: name it with --out.")
        _write_binary(form, found, model, genome, out)
    else:
        if form in (*FORMULAS, "html", "micropython"):
            _expect_model(model, genome)
        text = formula_text(form, model, digits, rows) if form in FORMULAS else _text(form, found, model, genome.stem)
        if out is None:
            click.echo(text, nl=False)
            return
        with writing(out):
            write_atomic(out, text)
    click.echo(f"Wrote {out}", err=True)


def _write_binary(form: str, genome: "Genome", model: "Model | None", path: Path, out: Path) -> None:
    from propneat.base.extras import need

    if form == "torch":
        need("torch", "--to torch")
        from propneat.compiler import compile_genome
        from propneat.compiler.network import export_program

        with writing(out):
            export_program(compile_genome(genome), out)
        return
    _expect_model(model, path)
    need("onnx", "--to onnx")
    from propneat.base.records import write_atomic
    from propneat.export.onnx_form import to_onnx

    content = to_onnx(model).SerializeToString(deterministic=True)
    with writing(out):
        write_atomic(out, content)


def _expect_model(model: "Model | None", path: Path) -> None:
    from propneat.base.errors import GenomeError

    if model is None:
        raise GenomeError(
            f"{path.name} holds a bare genome without preprocessing and classes, and this format takes the columns of a table"
        )


def _text(form: str, genome: "Genome", model: "Model | None", title: str) -> str:
    names = (model.input_names, model.output_names) if model else (None, None)
    if form == "svg":
        from propneat.report.network_svg import draw_network

        return draw_network(genome, input_names=names[0], output_names=names[1], title=title)
    if form == "micropython":
        from propneat.export.micropython import micropython_text

        return micropython_text(model)
    if form == "html":
        from propneat.export.web_page import to_web_page
        from propneat.report.network_svg import draw_network

        drawing = draw_network(genome, input_names=names[0], output_names=names[1], title="The network", marked=True)
        return to_web_page(model, drawing)
    if form == "json":
        from propneat.genome import format_document, genome_to_document

        return model.to_json() if model else format_document(genome_to_document(genome))
    from propneat.genome.graph_form import to_dot, to_graphml
    from propneat.genome.presentation import node_names

    return to_dot(genome, *names) if form == "dot" else to_graphml(genome, node_names(genome, *names))

"""The tables of a speed document: medians over rounds, with the least and the most in brackets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["SpeedTable", "speed_tables"]

Document = Mapping[str, Any]


@dataclass(frozen=True)
class SpeedTable:
    """A table of texts: `rows` have one text per head; `note` says in a sentence how to read it."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


def speed_tables(document: Document) -> list[SpeedTable]:
    """Return a table for everything that a document of `propneat benchmark speed` holds, targets last."""
    makers = {
        "engines": _engines,
        "peers": _peers,
        "genetics": _genetics,
        "large-data": _large_data,
        "depth": _depth,
        "start-up": _start_up,
        "quality": _quality,
        "targets": _targets,
    }
    return [make(document[name]) for name, make in makers.items() if document.get(name)]


def _number(value: float) -> str:
    """Three significant digits, whole numbers with thousands apart, no powers of ten."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".") if value >= 0.001 else f"{value:.2g}"


def _spread(spread: Mapping[str, float], factor: float = 1.0) -> str:
    median, least, most = (_number(factor * spread[name]) for name in ("median", "least", "most"))
    return f"{median} ({least} to {most})"


def _ratio(ratio: Mapping[str, float] | None) -> str:
    return "-" if ratio is None else _spread(ratio)


def _engines(part: Document) -> SpeedTable:
    rows = [
        (
            str(shape["inputs"]),
            f"{shape['connections']:.0f}",
            f"{shape['rows']:,}",
            str(shape["batch_size"]),
            row["label"],
            _spread(row["seconds_per_epoch"], 1e3),
            _number(row["gflops"]),
            _ratio(row["ratio"]),
            _sample(row, shape),
        )
        for shape in part["shapes"]
        for row in shape["engines"]
    ]
    heads = ("inputs", "connections", "rows", "batch", "engine", "ms an epoch", "GFLOP/s", "times numba", "timed on")
    n_genomes = part["shapes"][0]["genomes"] if part["shapes"] else 0
    note = (
        f"{n_genomes} genomes. Useful work is two or three multiply-adds per connection and row, two from inputs. Engines "
        "timed on fewer genomes are scaled by connections. Ratios are of medians, their spread is over rounds."
    )
    return SpeedTable("One epoch of training the whole population", heads, tuple(rows), note)


def _sample(row: Document, shape: Document) -> str:
    share = "all genomes" if row["genomes_timed"] == shape["genomes"] else f"{row['genomes_timed']} genomes"
    return f"{share}, epochs {row['epochs_timed']}, threads {row['threads']}"


def _peers(part: Document) -> SpeedTable:
    rows = [
        (
            row["label"],
            row["version"],
            row["does"],
            _spread(row["seconds_per_generation"], 1e3),
            _ratio(row["ratio"]),
            f"{row['connections']:.1f}",
            f"{row['hidden']:.1f}",
        )
        for row in part["contestants"]
    ]
    note = (
        f"{part['task']}, {part['rows']} rows, {part['inputs']} inputs, population {part['population']}; evaluating, breeding "
        f"and speciating included. {' '.join(part['missing'])}"
    )
    heads = ("package", "version", "with every genome", "ms a generation", "times propneat", "connections", "hidden")
    return SpeedTable("One generation", heads, tuple(rows), note.strip())


def _genetics(part: Document) -> SpeedTable:
    entries = [*part["populations"], *part["genome_sizes"]]
    steps = tuple(entries[0]["steps_ms"])
    rows = [
        (
            f"{row['genomes']:,}",
            f"{row['connections']:.0f}",
            str(row["species"]),
            *(_number(row["steps_ms"][step]["median"]) for step in steps),
            _spread(row["total_ms"]),
            f"{row['pool_bytes_per_genome']:,.0f}",
            f"{row['plan_bytes_per_genome']:,.0f}",
        )
        for row in entries
    ]
    steps_heads = (f"{step} ms" for step in steps)
    heads = ("genomes", "connections", "species", *steps_heads, "together ms", "bytes of genes", "bytes of plan")
    note = (
        f"Bytes are per genome. Time grows as population^{part['populations_exponent']:.2f} "
        f"and as connections^{part['genome_sizes_exponent']:.2f}."
    )
    return SpeedTable("All but training in one generation", heads, tuple(rows), note)


def _large_data(part: Document) -> SpeedTable:
    row = (
        f"{part['rows']:,}",
        str(part["features"]),
        str(part["genomes"]),
        f"{part['connections']:.0f}",
        str(part["batch_size"]),
        _spread(part["seconds_per_epoch"]),
        f"{part['rows_times_connections_per_second'] / 1e9:.2f}",
        _number(part["gflops"]),
        _number(part["data_mib"]),
        _number(part["peak_mib"]),
    )
    heads = ("rows", "features", "genomes", "connections", "batch", "s an epoch", "10^9 rows x connections a s", "GFLOP/s")
    note = "Memory is that of a process of its own, the libraries it loads and the rows included."
    return SpeedTable("Large data", (*heads, "data MiB", "peak MiB"), (row,), note)


def _depth(part: Document) -> SpeedTable:
    labels = [row["label"] for row in part["depths"][0]["engines"]]
    rows = []
    for entry in part["depths"]:
        times = (_spread(row["seconds_per_epoch"], 1e3) for row in entry["engines"])
        rows.append((str(entry["depth"]), f"{entry['connections']:.0f}", *times))
    lines = (
        f"{label}: {_number(1e3 * abs(line['slope']))} ms {'more' if line['slope'] >= 0 else 'less'} a layer, "
        f"R squared {line['r_squared']:.3f}"
        for label, line in part["line"].items()
    )
    heads = ("hidden layers", "connections", *(f"{label} ms" for label in labels))
    return SpeedTable("One epoch, against depth", heads, tuple(rows), f"Straight lines fitted: {'; '.join(lines)}.")


def _start_up(part: Document) -> SpeedTable:
    rows = tuple((row["label"], _spread(row["seconds"])) for row in part["commands"])
    return SpeedTable(
        "Start-up", ("command", "seconds"), rows, "Processes of their own, from start to end or first generation."
    )


def _quality(part: Document) -> SpeedTable:
    rows = [
        (
            found["set"],
            f"{found['rows']:,} x {found['inputs']}",
            row["label"],
            row["does"],
            f"{row['auc']['median']:.3f}",
            _spread(row["cpu_seconds"]) if part["rounds"] > 1 else _number(row["cpu_seconds"]["median"]),
        )
        for found in part["sets"]
        for row in found["contestants"]
    ]
    sources = "; ".join(f"{found['set']}: {found['source']}" for found in part["sets"])
    note = (
        f"A quarter of the rows judges, the fit alone is timed, by the processor's seconds; divisions of every set: {part['rounds']}. "
        f"{sources}. {' '.join(part['missing'])}"
    )
    heads = ("set", "rows x inputs", "method", "settings", "test AUC", "CPU s of the fit")
    return SpeedTable("Quality and time of a fit", heads, tuple(rows), note.strip())


def _targets(targets: list[Document]) -> SpeedTable:
    rows = tuple(
        (target["name"], target["expected"], _number(target["value"]), "yes" if target["holds"] else "NO") for target in targets
    )
    return SpeedTable("Targets", ("target", "expected", "here", "holds"), rows, "")

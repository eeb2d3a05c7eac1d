"""The front of a run as files: written by the run, shown, and picked from afterwards without training again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from propneat.base.errors import ConfigError, GenomeError, PropneatError
from propneat.base.records import finite_or_none, format_csv, nests_deeper, sha256_hex, write_atomic
from propneat.genome import Genome
from propneat.genome.json_form import MAX_DEPTH, genome_from_document, genome_to_document
from propneat.model import Model, load_model
from propneat.report.front_picture import draw_front
from propneat.report.network_svg import draw_network
from propneat.run.folder import RunFolder
from propneat.run.judging import JUDGED
from propneat.search.front import pick
from propneat.search.states import FrontMember

__all__ = ["FRONT_COLUMNS", "FrontEntry", "draw_champion", "front_rows", "pick_network", "read_front", "write_front"]

_SCHEMA = "propneat.front/2"
FRONT_COLUMNS = (
    "connections", "hidden_nodes", "inputs_used", "formula_nodes", "validation_loss", "standard_error", "validation_score"
)  # fmt: skip
"""What is shown of every network of a front."""
_FIGURES = {
    "connections",
    "hidden_nodes",
    "layers",
    "inputs_used",
    "formula_nodes",
    "test",
    "validation_loss",
    "validation_score",
}


@dataclass(frozen=True, eq=False)
class FrontEntry:
    """A network of a front: its genome, what the summary of a run says of its champion, and its cost when it was judged."""

    genome: Genome
    facts: dict[str, Any]
    standard_error: float
    cost: float

    @classmethod
    def of(cls, member: FrontMember, facts: dict[str, Any]) -> "FrontEntry":
        """Put a member of a front together with what the summary of a run would say of it."""
        return cls(member.genome, facts, member.standard_error, member.cost)


def front_rows(entries: Sequence[FrontEntry]) -> list[dict[str, Any]]:
    """Return the figures of every network, the smallest first, with the names in FRONT_COLUMNS."""
    return [
        {name: (entry.facts | {"standard_error": entry.standard_error})[name] for name in FRONT_COLUMNS} for entry in entries
    ]


def write_front(folder: RunFolder, entries: Sequence[FrontEntry], score_name: str, taken: int) -> None:
    """Write a front as JSON, with the genomes, as CSV, with the figures, and as a picture, that of `taken` connections marked."""
    rows = front_rows(entries)
    networks = [
        {
            "figures": entry.facts,
            "standard_error": finite_or_none(entry.standard_error),
            "cost": finite_or_none(entry.cost),
            "genome": genome_to_document(entry.genome),
        }
        for entry in entries
    ]
    document = {"schema": _SCHEMA, "sha256": _digest(networks), "networks": networks}
    write_atomic(folder.front, json.dumps(document, ensure_ascii=False) + "\n")
    write_atomic(folder.front_table, format_csv(rows, list(FRONT_COLUMNS)))
    write_atomic(folder.front_picture, draw_front(rows, score_name=score_name, taken=taken))


def read_front(folder: RunFolder) -> list[FrontEntry]:
    """Read the front that a run has written; raises GenomeError where there is none that can be read."""
    if not folder.front.is_file():
        hint = "is not the folder of a run that has come to its end" if folder.path.is_dir() else "is not a folder"
        raise GenomeError(f"{folder.path} {hint}: give one that propneat evolve has written")
    try:
        document = json.loads(folder.front.read_bytes())
        if nests_deeper(document, MAX_DEPTH) or document["schema"] != _SCHEMA or not document["networks"]:
            raise ValueError
        is_whole = document["sha256"] == _digest(document["networks"])
        entries = [_read_entry(entry) for entry in document["networks"]]
    except (ValueError, KeyError, TypeError, RecursionError, PropneatError) as error:
        raise GenomeError(f"{folder.front} is damaged or not the front of a run: run propneat evolve again") from error
    if not is_whole:
        raise GenomeError(
            f"{folder.front} has been changed since the run wrote it, so its figures may not be those of its networks: put the "
            "file of the run back, or run propneat evolve again"
        )
    return entries


def _digest(networks: object) -> str:
    """Return the SHA-256 of networks and figures as plain values, however they are laid out in the file."""
    return sha256_hex(json.dumps(networks, sort_keys=True, separators=(",", ":")).encode())


def _read_entry(entry: Any) -> FrontEntry:
    facts, numbers = entry["figures"], (entry["standard_error"], entry["cost"])
    if not _FIGURES <= facts.keys() or not all(isinstance(number, float | int | None) for number in numbers):
        raise ValueError
    error, cost = (float("nan") if number is None else float(number) for number in numbers)
    return FrontEntry(genome_from_document(entry["genome"]), facts, error, cost)


def pick_network(folder: RunFolder, rule: str | int, out: Path | None = None) -> dict[str, Any]:
    """Choose another network from the front of a finished run; returns what is said of it.

    `rule` is that of `EvolveConfig.pick`, but a number of connections that no network keeps to is refused. The model is written
    to `out`, or takes the place of the run's champion, in its picture and its summary too; the report, which is of the champion
    before, is removed with what the summary has of it: see `renew_report`. Raises GenomeError or ConfigError.
    """
    entries = read_front(folder)
    sizes = [entry.facts["connections"] for entry in entries]
    if isinstance(rule, int) and rule < sizes[0]:
        raise ConfigError(f"the smallest network of this run has {sizes[0]} connections: ask for as many or more, not {rule}")
    losses = [float("inf") if (loss := entry.facts["validation_loss"]) is None else loss for entry in entries]
    chosen = entries[pick(rule, sizes, losses, [entry.standard_error for entry in entries], [entry.cost for entry in entries])]
    model = load_model(folder.champion)
    facts = chosen.facts | {"pick": rule}
    model = replace(model, genome=chosen.genome, about=dict(model.about) | facts)
    if out is not None:
        model.save(out)
        return facts
    with folder.held():
        summary = folder.read_summary()
        if summary is None:
            raise GenomeError(f"{folder.path} has no summary of a run: finish it with propneat evolve --resume {folder.path}")
        model.save(folder.champion)
        write_atomic(folder.network, draw_champion(model))
        rows = front_rows(entries)
        write_atomic(folder.front_picture, draw_front(rows, score_name=summary["score_name"], taken=facts["connections"]))
        folder.report.unlink(missing_ok=True)
        folder.write_summary({key: value for key, value in summary.items() if key not in (*JUDGED, "report")} | facts)
    return facts


def draw_champion(model: Model) -> str:
    """Draw the network of a run's model as SVG text, under the name of its data and its seed."""
    title = f"{model.about['data']}, seed {model.about['seed']}"
    return draw_network(model.genome, input_names=model.input_names, output_names=model.output_names, title=title)

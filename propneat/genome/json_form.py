"""The genome's JSON form, schema "propneat.genome/4": strict on reading, the same bytes for the same genome on writing.

A document is an object with `schema`, `nodes` and `connections`; other keys carry what goes with a genome (see
`propneat.model`). A node is {"id", "kind", "bias", "activation", "aggregation"}, a connection {"innovation", "source",
"target", "weight", "enabled", "recurrent"}. Nodes that have a "time_constant" say so. A genome without any is written in schema
"propneat.genome/3", and one without recurrent connections too in "propneat.genome/2", whose connections lack that last key. Floats are written with as many digits as read back to the same bits.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError, GenomeError
from propneat.base.records import nests_deeper
from propneat.genome.genes import ACTIVATIONS, AGGREGATIONS, MAX_IDENTIFIER, NodeKind
from propneat.genome.genome import Genome, make_genome
from propneat.genome.own_functions import FunctionNames
from propneat.genome.validation import validate

__all__ = ["SCHEMA", "format_document", "genome_from_document", "genome_to_document", "parse_document"]

SCHEMA = "propneat.genome/4"
_RECURRENT_SCHEMA = "propneat.genome/3"
_FORWARD_SCHEMA = "propneat.genome/2"
_READ_SCHEMAS = ("propneat.genome/1", _FORWARD_SCHEMA, _RECURRENT_SCHEMA, SCHEMA)
"""Schemas that are read; the genes of the first two are the same, what goes with them (see `propneat.model`) has grown."""

MAX_DEPTH = 100
"""How deep lists and objects may lie in each other; a genome needs three levels, what goes with it a few more."""
MAX_CHARACTERS = 32 * 2**20
"""Longest text that is read; a hundred thousand connections take about a third of it."""

_KINDS = tuple(kind.name.lower() for kind in NodeKind)
_NODE_KEYS = ("id", "kind", "bias", "activation", "aggregation")
_CONNECTION_KEYS = ("innovation", "source", "target", "weight", "enabled", "recurrent")
_FORWARD_KEYS = _CONNECTION_KEYS[:-1]


def genome_to_document(genome: Genome) -> dict[str, Any]:
    """Return the genome as plain lists and objects, genes in order."""
    nodes = [
        {
            "id": gene_id,
            "kind": _KINDS[kind],
            "bias": bias,
            "activation": ACTIVATIONS[activation],
            "aggregation": AGGREGATIONS[aggregation],
            **({"time_constant": time_constant} if time_constant else {}),
        }
        for gene_id, bias, kind, activation, aggregation, time_constant in genome.nodes.tolist()
    ]
    schema, keys = (_RECURRENT_SCHEMA, _CONNECTION_KEYS) if genome.is_recurrent else (_FORWARD_SCHEMA, _FORWARD_KEYS)
    if genome.has_time_constants:
        schema, keys = SCHEMA, _CONNECTION_KEYS
    connections = [dict(zip(keys, gene, strict=False)) for gene in genome.connections.tolist()]
    return {"schema": schema, "nodes": nodes, "connections": connections}


def genome_from_document(document: Mapping[str, Any]) -> Genome:
    """Read the genome of a parsed document; raises GenomeError, one sentence, for whatever breaks a rule of the format."""
    if not isinstance(document, Mapping):
        raise GenomeError(f"a genome file holds one JSON object, not a {type(document).__name__}")
    schema = document.get("schema")
    if schema not in _READ_SCHEMAS:
        raise GenomeError(f"expected the schema {' or '.join(map(repr, _READ_SCHEMAS))}, and this file says {_shown(schema)}")
    nodes = [_read_node(entry, schema == SCHEMA) for entry in _list_of(document, "nodes")]
    keys = _CONNECTION_KEYS if schema in (_RECURRENT_SCHEMA, SCHEMA) else _FORWARD_KEYS
    connections = [_read_connection(entry, keys) for entry in _list_of(document, "connections")]
    if not nodes:
        raise GenomeError("the genome has no nodes")
    return validate(make_genome(nodes, connections))


def format_document(document: Mapping[str, Any]) -> str:
    """Write a document as JSON text with one line for each entry of a list, ending in a newline; refuses NaN by ValueError."""
    return _format(document, "") + "\n"


def _format(value: Any, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        lines = [f"{deeper}{_dump(str(key))}: {_format(entry, deeper)}" for key, entry in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return "[\n" + ",\n".join(deeper + _dump(entry) for entry in value) + f"\n{indent}]"
    return _dump(value)


def _dump(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)


def parse_document(text: str) -> dict[str, Any]:
    """Parse JSON text strictly; raises GenomeError for damaged text, repeated keys, NaN and infinities, and huge files."""
    if len(text) > MAX_CHARACTERS:
        raise GenomeError(f"the file has {len(text)} characters, and at most {MAX_CHARACTERS} are read")
    too_deep = "the file nests its lists and objects too deeply to be a genome"
    try:
        document = json.loads(text, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise GenomeError(f"the file is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise GenomeError(too_deep) from error
    except ValueError as error:
        if isinstance(error, GenomeError):
            raise
        raise GenomeError("the file holds a number with too many digits to be read") from error
    if nests_deeper(document, MAX_DEPTH):
        raise GenomeError(too_deep)
    return document


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = sorted(key for key, _ in pairs)
        twice = next(key for key, following in zip(keys, keys[1:], strict=False) if key == following)
        raise GenomeError(f"the key {_shown(twice)} appears twice in one object")
    return result


def _refuse_constant(name: str) -> None:
    raise GenomeError(f"the file holds {name}, and every number must be finite")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _list_of(document: Mapping[str, Any], key: str) -> list[Any]:
    if key not in document:
        raise GenomeError(f"the file lacks the key {key!r}")
    if not isinstance(document[key], list):
        raise GenomeError(f"{key!r} must be a list, not {_shown(document[key])}")
    return document[key]


def _checked(entry: Any, keys: tuple[str, ...], what: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise GenomeError(f"a {what} must be an object with {', '.join(keys)}, not {_shown(entry)}")
    missing = [key for key in keys if key not in entry]
    unknown = [key for key in entry if key not in keys]
    if missing:
        raise GenomeError(f"a {what} lacks {missing[0]!r}: {_shown(entry)}")
    if unknown:
        raise GenomeError(f"a {what} has an unknown key {_shown(unknown[0])}: {_shown(entry)}")
    return entry


def _identifier(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_IDENTIFIER:
        raise GenomeError(f"{what} must be a whole number from 0 to {MAX_IDENTIFIER}, not {_shown(value)}")
    return value


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise GenomeError(f"{what} must be a number, not {_shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not np.isfinite(number):
        raise GenomeError(f"{what} must be a finite number, not {_shown(value)}")
    return number


def _function(value: Any, known: FunctionNames, what: str) -> int:
    """Return the code of an activation or an aggregation; the module of one of somebody's own is imported."""
    try:
        known.find(value)
    except ConfigError as error:
        raise GenomeError(f"{what} is not there: {error}") from error
    return _code(value, known, what)


def _code(value: Any, names: tuple[str, ...], what: str) -> int:
    if not isinstance(value, str) or value not in names:
        raise GenomeError(f"{what} must be one of {', '.join(names)}, not {_shown(value)}")
    return names.index(value)


def _read_node(entry: Any, may_be_slow: bool) -> tuple:
    is_slow = may_be_slow and isinstance(entry, dict) and "time_constant" in entry
    node = _checked(entry, (*_NODE_KEYS, "time_constant") if is_slow else _NODE_KEYS, "node")
    gene_id = _identifier(node["id"], "a node id")
    what = f"of node {gene_id}"
    return (
        gene_id,
        _number(node["bias"], f"the bias {what}"),
        _code(node["kind"], _KINDS, f"the kind {what}"),
        _function(node["activation"], ACTIVATIONS, f"the activation {what}"),
        _function(node["aggregation"], AGGREGATIONS, f"the aggregation {what}"),
        _number(node["time_constant"], f"the time_constant {what}") if is_slow else 0.0,
    )


def _read_connection(entry: Any, keys: tuple[str, ...]) -> tuple:
    connection = _checked(entry, keys, "connection")
    innovation = _identifier(connection["innovation"], "an innovation number")
    what = f"of connection {innovation}"
    for key in keys[_CONNECTION_KEYS.index("enabled") :]:
        if not isinstance(connection[key], bool):
            raise GenomeError(f"{key!r} {what} must be true or false, not {_shown(connection[key])}")
    return (
        innovation,
        _identifier(connection["source"], f"the source {what}"),
        _identifier(connection["target"], f"the target {what}"),
        _number(connection["weight"], f"the weight {what}"),
        connection["enabled"],
        connection.get("recurrent", False),
    )

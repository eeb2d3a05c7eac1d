"""Genomes: node genes and connection genes in arrays, the rules they keep, and their forms as JSON and as a graph."""

from propneat.genome.genes import (
    ACTIVATIONS,
    AGGREGATIONS,
    CONNECTION_DTYPE,
    MAX_IDENTIFIER,
    NODE_DTYPE,
    NodeKind,
    activation_code,
    aggregation_code,
    check_functions,
    find_activation,
    find_aggregation,
    register_activation,
    register_aggregation,
)
from propneat.genome.genome import Genome, frozen, make_genome
from propneat.genome.json_form import SCHEMA, format_document, genome_from_document, genome_to_document, parse_document
from propneat.genome.own_codes import has_own, own_functions, refuse_own
from propneat.genome.own_functions import Activation, Aggregation
from propneat.genome.pool import GenePool
from propneat.genome.validation import validate

__all__ = [
    "ACTIVATIONS",
    "AGGREGATIONS",
    "Activation",
    "Aggregation",
    "CONNECTION_DTYPE",
    "GenePool",
    "Genome",
    "MAX_IDENTIFIER",
    "NODE_DTYPE",
    "NodeKind",
    "SCHEMA",
    "activation_code",
    "aggregation_code",
    "check_functions",
    "find_activation",
    "find_aggregation",
    "format_document",
    "frozen",
    "genome_from_document",
    "genome_to_document",
    "has_own",
    "make_genome",
    "own_functions",
    "parse_document",
    "refuse_own",
    "register_activation",
    "register_aggregation",
    "validate",
]

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
    register_activation,
)
from propneat.genome.genome import Genome, frozen, make_genome
from propneat.genome.json_form import SCHEMA, format_document, genome_from_document, genome_to_document, parse_document
from propneat.genome.own_activations import Activation
from propneat.genome.pool import GenePool
from propneat.genome.validation import validate

__all__ = [
    "ACTIVATIONS",
    "AGGREGATIONS",
    "Activation",
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
    "format_document",
    "frozen",
    "genome_from_document",
    "genome_to_document",
    "make_genome",
    "parse_document",
    "register_activation",
    "validate",
]

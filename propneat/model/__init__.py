"""Models: a genome with all that applies it to a table, the way from a table to it, its scores, and its summary."""

from propneat.model.answers import class_probabilities
from propneat.model.controller import Controller
from propneat.model.model import Model, load_genome_file, load_model, read_genome_text
from propneat.model.preparation import PreparedProblem, prepare_problem
from propneat.model.scores import score_model
from propneat.model.summary import NetworkSummary, n_nodes, summarise

__all__ = [
    "Controller",
    "Model",
    "NetworkSummary",
    "PreparedProblem",
    "class_probabilities",
    "load_genome_file",
    "load_model",
    "n_nodes",
    "prepare_problem",
    "read_genome_text",
    "score_model",
    "summarise",
]

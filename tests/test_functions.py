"""A name of an activation or aggregation that some engine has no formula for is found when that engine is imported."""

import subprocess
import sys

import pytest

from propneat.genome import ACTIVATIONS, AGGREGATIONS, check_functions

SCRIPT = """
import sys
from importlib import import_module, reload
import propneat.genome as genome
from propneat.genome import genes
name, where, *modules = sys.argv[1:]
for place in (genome, genes):
    setattr(place, where, (*getattr(place, where), name))
genome.check_functions = lambda *arguments, **options: None
loaded = [import_module(module) for module in modules]
genome.check_functions = genes.check_functions
# each is to be asked itself, not for what it imports
for module in loaded:
    try:
        reload(module)
    except ImportError as error:
        print(error)
"""
COMPUTING = {
    "ACTIVATIONS": (
        "compiler.reference", "compiler.scalar_functions", "compiler.network", "training.kernel_activations",
        "training.triton_nodes",
    ),
    "AGGREGATIONS": (
        "compiler.reference", "compiler.walk", "compiler.network", "training.kernel_nodes", "training.padded_engine",
        "training.naive_engine", "training.triton_nodes",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("where", "what"), [("ACTIVATIONS", "activation"), ("AGGREGATIONS", "aggregation")])
def test_a_name_without_a_formula_fails_when_an_engine_is_imported(where, what):
    pytest.importorskip("triton")
    modules = [f"propneat.{module}" for module in COMPUTING[where]]
    script = [sys.executable, "-c", SCRIPT, "novel", where, *modules]
    told = subprocess.run(script, capture_output=True, text=True, check=True).stdout.splitlines()
    assert told == [f"{module} has no formula for the {what} 'novel'" for module in modules]


def test_formulas_for_every_name_are_enough():
    check_functions("here", activations=ACTIVATIONS, aggregations=AGGREGATIONS)
    check_functions("here")
    with pytest.raises(ImportError, match="here has no formula for the activation 'identity'"):
        check_functions("here", activations=ACTIVATIONS[1:])
    with pytest.raises(ImportError, match="here has no formula for the aggregation 'min'"):
        check_functions("here", aggregations=AGGREGATIONS[:-1])

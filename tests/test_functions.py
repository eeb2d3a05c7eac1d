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
        "training.triton_nodes", "export.c_float", "export.c_fixed_functions", "formula.algebra",
    ),
    "AGGREGATIONS": (
        "compiler.reference", "compiler.walk", "compiler.network", "training.kernel_nodes", "training.padded_engine",
        "training.naive_engine", "training.triton_nodes", "export.c_float", "export.c_fixed", "export.c_fixed_code",
        "export.c_fixed_run", "export.error_bound", "export.micropython", "export.onnx_form", "formula.making",
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


FORMS = """
import sys
from importlib import import_module, reload
from propneat.settings import training
where, *modules = sys.argv[1:]
setattr(training, where, (*getattr(training, where), "novel"))
check, training.check_forms = training.check_forms, lambda *arguments, **options: None
loaded = [import_module(module) for module in modules]
training.check_forms = check
for module in loaded:
    try:
        reload(module)
    except ImportError as error:
        print(error)
"""
TRAINING = {
    "LOSSES": (
        "settings.evolve_config", "training.kernel_losses", "training.torch_loop", "training.triton_kernels", "search.judging",
    ),
    "OPTIMISERS": ("training.kernel_loop", "training.torch_loop", "training.population_loop"),
}  # fmt: skip


@pytest.mark.parametrize(("where", "what"), [("LOSSES", "loss"), ("OPTIMISERS", "optimiser")])
def test_a_loss_or_optimiser_without_a_form_fails_when_an_engine_is_imported(where, what):
    pytest.importorskip("triton")
    modules = [f"propneat.{module}" for module in TRAINING[where]]
    told = subprocess.run([sys.executable, "-c", FORMS, where, *modules], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [f"{module} has no form of the {what} 'novel'" for module in modules]

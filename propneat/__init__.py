"""propneat: evolve the topology of small, sparse neural networks and train their weights by backpropagation.

The names below load with the module they live in on first use, so that importing propneat alone costs nothing.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOMES = {
    "Activation": "propneat.genome",
    "Aggregation": "propneat.genome",
    "Controller": "propneat.model",
    "EvolutionConfig": "propneat.evolution",
    "EvolveConfig": "propneat.settings.evolve_config",
    "Genome": "propneat.genome",
    "Model": "propneat.model",
    "Population": "propneat.evolution",
    "PropNEATClassifier": "propneat.estimators",
    "PropNEATEnsembleClassifier": "propneat.estimators",
    "PropNEATEnsembleRegressor": "propneat.estimators",
    "PropNEATRegressor": "propneat.estimators",
    "PropneatError": "propneat.base.errors",
    "compile_genome": "propneat.compiler",
    "default_config": "propneat.settings.evolve_config",
    "evolve": "propneat.search",
    "load_model": "propneat.model",
    "load_table": "propneat.data",
    "prepare_problem": "propneat.model",
    "register_activation": "propneat.genome",
    "register_aggregation": "propneat.genome",
    "train_population": "propneat.training",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

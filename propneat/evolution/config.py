"""Every setting of evolution, with the values of the original NEAT paper unless said otherwise."""

import math
from dataclasses import dataclass, replace

from propneat.base.errors import ConfigError
from propneat.base.setting_types import check_settings
from propneat.genome import ACTIVATIONS, AGGREGATIONS

__all__ = ["EvolutionConfig", "part_of"]

_RATES = (
    "add_connection_rate",
    "recurrent_rate",
    "time_constant_rate",
    "delete_connection_rate",
    "add_node_rate",
    "delete_node_rate",
    "toggle_rate",
    "weight_mutation_rate",
    "bias_mutation_rate",
    "replace_fraction",
    "activation_mutation_rate",
    "aggregation_mutation_rate",
    "crossover_rate",
    "interspecies_rate",
    "average_rate",
    "disabled_inheritance",
    "survival",
    "initial_connection_fraction",
)
_NOT_NEGATIVE = (
    "longest_time_constant",
    "weight_sigma",
    "perturb_sigma",
    "excess_coefficient",
    "disjoint_coefficient",
    "weight_coefficient",
    "compatibility_threshold",
)
_LEAST = {
    "population_size": 2, "initial_hidden": 0, "max_connections": 1, "max_hidden": 0, "elitism": 0, "stagnation": 1,
    "species_elitism": 0, "target_species": 1, "longest_time_constant": 1,
}  # fmt: skip
_SIGMAS = ("weight_sigma", "perturb_sigma")
_FEW_HIDDEN, _MANY_HIDDEN, _MANY_ROWS = 4, 20, 1000
_LARGEST_SIGMA = 1e36


def part_of(share: float, number: int) -> int:
    """Return the least whole number that is not below this share of a number.

    Shares are decimals to people, so what the product of floats adds to it is left out: 0.07 of 100 is 7.
    """
    return math.ceil(share * number * (1 - 1e-12))


@dataclass(frozen=True)
class EvolutionConfig:
    """Settings of a population; rates are probabilities per offspring unless a line says otherwise."""

    population_size: int = 150
    direction: str = "maximise"
    """"maximise" or "minimise" the fitness that is told."""

    add_connection_rate: float = 0.05
    recurrent_rate: float = 0.0
    """Chance that a new connection closes a cycle or a loop: it is recurrent and carries a value of the step before."""
    time_constant_rate: float = 0.0
    """Chance that the time constant of one hidden or output node is drawn, perturbed, or taken away."""
    longest_time_constant: float = 100.0
    """Longest time constant, in steps; the shortest is 1."""
    delete_connection_rate: float = 0.0
    add_node_rate: float = 0.03
    delete_node_rate: float = 0.0
    toggle_rate: float = 0.0
    weight_mutation_rate: float = 0.8
    """Chance that all weights of an offspring are mutated together, each perturbed or replaced."""
    bias_mutation_rate: float = 0.8
    """The same for biases."""
    replace_fraction: float = 0.1
    """Of the weights and biases mutated, the share drawn anew from N(0, weight_sigma^2)."""
    perturb_sigma: float = 0.5
    """Standard deviation of the normal step of a perturbed weight or bias."""
    weight_sigma: float = 1.0
    """Standard deviation of initial, newly connected and replaced weights and biases."""
    activation_mutation_rate: float = 0.0
    """Chance that one hidden node draws a new activation."""
    aggregation_mutation_rate: float = 0.0
    """Chance that one hidden node draws a new aggregation."""
    activations: tuple[str, ...] = ("sigmoid",)
    """What hidden nodes choose from."""
    aggregations: tuple[str, ...] = ("sum",)
    """What hidden nodes choose from."""
    output_activation: str = "identity"
    initial_connection_fraction: float = 1.0
    """Share of its possible inputs that a node of a first genome is connected to, drawn per node (at least one unless 0)."""
    initial_hidden: int | str = 0
    """Most hidden nodes of a first genome, each fed by inputs and feeding all outputs; the number is drawn from 0 to this.
    "auto" is what `for_rows` makes of it, 4 where rows are not known."""

    max_connections: int | None = None
    """Most enabled connections of a genome, which neither mutation nor crossover exceeds: what would add one is left out, and a child
    of two that would have more is a copy of the fitter parent, mutated. First genomes have fewer inputs or hidden nodes if need be."""
    max_hidden: int | None = None
    """Most hidden nodes of a genome, kept to in the same way."""

    crossover_rate: float = 0.75
    """Share of offspring with two parents; the others are mutated copies of one."""
    interspecies_rate: float = 0.001
    """Chance that the second parent comes from any species."""
    average_rate: float = 0.4
    """Chance that an offspring takes the mean of matching genes' numbers rather than either parent's at random."""
    disabled_inheritance: float = 0.75
    """Chance that a matching gene disabled in either parent is disabled in the offspring."""

    excess_coefficient: float = 1.0
    disjoint_coefficient: float = 1.0
    weight_coefficient: float = 0.4
    speciation: str = "threshold"
    """"threshold" puts genomes beyond a distance into species of their own, which protects new structure until its numbers are
    found; "nearest" divides the population evenly into `target_species`, so that most offspring can have two parents, and suits
    networks whose numbers are trained."""
    compatibility_threshold: float = 3.0
    """Distance to a species' representative within which genomes belong to it."""
    target_species: int | None = None
    """Number of species: the threshold is moved in every generation until there are half to twice as many, as far as genomes
    can be divided so; "nearest" divides into exactly this many where genomes differ, without a threshold. None divides by the
    threshold as it is."""
    survival: float = 0.2
    """Share of each species, its best members, that may have offspring."""
    elitism: int = 1
    """Best members copied unchanged, in species above `elitism_species_size` and in the species of the best genome; of a whole
    generation one fewer than there are genomes at most."""
    elitism_species_size: int = 5
    stagnation: int = 15
    """Generations without a better best member after which a species has no offspring."""
    species_elitism: int = 2
    """Best species, by their best member now, that are never removed for stagnation; one at least while `elitism` is above 0,
    unless all species stagnate together."""

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot be used."""
        check_settings(self)
        for name in _RATES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a share between 0 and 1, not {getattr(self, name)}")
        for name in _NOT_NEGATIVE:
            if not 0 <= getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be a number of 0 or more, not {getattr(self, name)}")
        for name in _SIGMAS:
            if getattr(self, name) > _LARGEST_SIGMA:
                limit = f"at most {_LARGEST_SIGMA:g}, so that float32 holds every number drawn"
                raise ConfigError(f"{name} must be {limit}, not {getattr(self, name)}")
        if isinstance(self.initial_hidden, str) and self.initial_hidden != "auto":
            raise ConfigError(f"initial_hidden must be 'auto' or 0 or more, not {self.initial_hidden!r}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, str) and value < least:
                raise ConfigError(f"{name} must be {least} or more, not {value}")
        if self.elitism >= self.population_size:
            raise ConfigError(f"elitism must be below the population_size of {self.population_size}, not {self.elitism}")
        if self.target_species is not None and self.compatibility_threshold == 0:
            raise ConfigError("compatibility_threshold must be above 0 to be moved towards target_species, not 0")
        if self.speciation not in ("threshold", "nearest"):
            raise ConfigError(f"speciation must be 'threshold' or 'nearest', not {self.speciation!r}")
        self._check_names()

    def for_rows(self, n_rows: int) -> "EvolutionConfig":
        """Return the configuration with an `initial_hidden` of "auto" decided for so many training rows: 4, from 1,000 on 20.

        Many rows reward larger networks than mutations come to within a run; on few they lead to no better ones.
        """
        if self.initial_hidden != "auto":
            return self
        return replace(self, initial_hidden=_MANY_HIDDEN if n_rows >= _MANY_ROWS else _FEW_HIDDEN)

    def _check_names(self) -> None:
        if self.direction not in ("maximise", "minimise"):
            raise ConfigError(f"direction must be 'maximise' or 'minimise', not {self.direction!r}")
        for name, known in (("activations", ACTIVATIONS), ("aggregations", AGGREGATIONS)):
            chosen = getattr(self, name)
            unknown = [entry for entry in chosen if entry not in known]
            if unknown or not chosen:
                raise ConfigError(
                    f"{name} must name at least one of {', '.join(known)}, and got {', '.join(unknown) or 'none'}"
                )
        if self.output_activation not in ACTIVATIONS:
            raise ConfigError(f"output_activation must be one of {', '.join(ACTIVATIONS)}, not {self.output_activation!r}")

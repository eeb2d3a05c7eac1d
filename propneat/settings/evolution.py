"""Every setting of evolution, with the values of the original NEAT paper unless said otherwise."""

from dataclasses import dataclass, replace

from propneat.base.errors import ConfigError
from propneat.settings.fields import check_settings, setting

__all__ = ["EvolutionConfig"]

_RATE = {"least": 0, "most": 1}
_SIGMA = {"least": 0, "most": 1e36}
"""float32 holds every number drawn."""
_FEW_HIDDEN, _MANY_HIDDEN, _MANY_ROWS = 4, 20, 1000


@dataclass(frozen=True)
class EvolutionConfig:
    """Settings of a population; rates are probabilities per offspring unless a line says otherwise."""

    population_size: int = setting(150, "Number of genomes in every generation.", least=2)
    direction: str = setting("maximise", words=("maximise", "minimise"))
    """What is better of the fitness that is told."""

    add_connection_rate: float = setting(0.05, "Chance of a new connection.", **_RATE)
    recurrent_rate: float = setting(
        0.0, "Chance that a new connection closes a cycle and carries a value of the step before; for sequences.", **_RATE
    )
    time_constant_rate: float = setting(
        0.0, "Chance that the time constant of one node is drawn, perturbed or taken away; for sequences.", **_RATE
    )
    longest_time_constant: float = setting(100.0, "Longest time constant of a node, in steps.", least=1)
    """The shortest is 1."""
    delete_connection_rate: float = setting(0.0, "Chance that a connection is deleted.", **_RATE)
    add_node_rate: float = setting(0.03, "Chance that a connection is split by a new node.", **_RATE)
    delete_node_rate: float = setting(0.0, "Chance that a hidden node is deleted.", **_RATE)
    toggle_rate: float = setting(0.0, "Chance that a connection is switched on or off.", **_RATE)
    weight_mutation_rate: float = setting(
        0.8, "Chance that all weights are mutated together, each perturbed or replaced.", **_RATE
    )
    bias_mutation_rate: float = setting(0.8, "The same for biases.", **_RATE)
    replace_fraction: float = setting(0.1, "Of the weights and biases mutated, the share drawn anew.", **_RATE)
    perturb_sigma: float = setting(0.5, "Standard deviation of the step of a perturbed weight or bias.", **_SIGMA)
    weight_sigma: float = setting(
        1.0, "Standard deviation of first, newly connected and replaced weights and biases.", **_SIGMA
    )
    activation_mutation_rate: float = setting(0.0, "Chance that one hidden node draws a new activation.", **_RATE)
    aggregation_mutation_rate: float = setting(0.0, "Chance that one hidden node draws a new aggregation.", **_RATE)
    activations: tuple[str, ...] = setting(("sigmoid",), "What hidden nodes choose from.")
    aggregations: tuple[str, ...] = setting(("sum",), 'What hidden nodes choose from: "sum", "mean", "product", "max", "min".')
    output_activation: str = setting("identity", "Activation of output nodes; the losses expect identity.")
    initial_connection_fraction: float = setting(
        1.0, "Share of its possible inputs that a node of a first genome is connected to.", **_RATE
    )
    """Drawn per node, at least one unless it is 0."""
    initial_hidden: int | str = setting(
        0,
        'Most hidden nodes of a first genome, drawn from 0 to this; "auto" takes 4, and 20 of 1,000 training rows or more.',
        least=0,
        words=("auto",),
    )
    """Each is fed by inputs and feeds all outputs. `for_rows` decides what "auto" is, 4 where rows are not known."""

    max_connections: int | None = setting(None, 'Most enabled connections of a network; "none" for any number.', least=1)
    """Neither mutation nor crossover exceeds it: what would add one is left out, and a child of two that would have more is a copy
    of the fitter parent, mutated. First genomes have fewer inputs or hidden nodes if need be."""
    max_hidden: int | None = setting(None, 'Most hidden nodes of a network; "none" for any number.', least=0)
    """Kept to in the same way."""

    crossover_rate: float = setting(0.75, "Share of offspring with two parents; the others are mutated copies of one.", **_RATE)
    interspecies_rate: float = setting(0.001, "Chance that the second parent comes from any species.", **_RATE)
    average_rate: float = setting(0.4, "Chance that matching genes are averaged rather than taken from either parent.", **_RATE)
    disabled_inheritance: float = setting(
        0.75, "Chance that a gene disabled in either parent is disabled in the offspring.", **_RATE
    )

    excess_coefficient: float = setting(1.0, "Weight of excess genes in the compatibility distance.", least=0)
    disjoint_coefficient: float = setting(1.0, "Weight of disjoint genes in the compatibility distance.", least=0)
    weight_coefficient: float = setting(0.4, "Weight of the mean weight difference in the compatibility distance.", least=0)
    speciation: str = setting(
        "threshold",
        '"nearest" divides evenly into target_species, "threshold" puts what is unlike into species of its own.',
        words=("threshold", "nearest"),
    )
    """Species of their own protect new structure until its numbers are found. Where the population is divided evenly most
    offspring can have two parents, which suits networks whose numbers are trained."""
    compatibility_threshold: float = setting(3.0, "Distance within which genomes belong to one species, at first.", least=0)
    target_species: int | None = setting(
        None, 'Number of species, half to twice as many by a threshold; "none" keeps to the threshold, fixed.', least=1
    )
    """The threshold is moved in every generation, as far as genomes can be divided so; "nearest" divides into exactly this many
    where genomes differ, without a threshold."""
    survival: float = setting(0.2, "Share of each species, its best members, that may have offspring.", **_RATE)
    elitism: int = setting(1, "Best members of a species copied unchanged.", least=0)
    """In species above `elitism_species_size` and in the species of the best genome; of a whole generation one fewer than there are
    genomes at most."""
    elitism_species_size: int = setting(5, "Species above this size keep their elite.")
    stagnation: int = setting(15, "Generations without progress after which a species has no offspring.", least=1)
    """Progress is a better best member."""
    species_elitism: int = setting(2, "Best species that are never removed for stagnation.", least=0)
    """By their best member now; one at least while `elitism` is above 0, unless all species stagnate together."""

    def __post_init__(self) -> None:
        """Raise ConfigError naming the first value that cannot be used."""
        check_settings(self)
        if self.elitism >= self.population_size:
            raise ConfigError(f"elitism must be below the population_size of {self.population_size}, not {self.elitism}")
        if self.target_species is not None and self.compatibility_threshold == 0:
            raise ConfigError("compatibility_threshold must be above 0 to be moved towards target_species, not 0")
        self._check_names()

    def for_rows(self, n_rows: int) -> "EvolutionConfig":
        """Return the configuration with an `initial_hidden` of "auto" decided for so many training rows: 4, from 1,000 on 20.

        Many rows reward larger networks than mutations come to within a run; on few they lead to no better ones.
        """
        if self.initial_hidden != "auto":
            return self
        return replace(self, initial_hidden=_MANY_HIDDEN if n_rows >= _MANY_ROWS else _FEW_HIDDEN)

    @property
    def own_codes(self) -> dict[str, dict[str, int]]:
        """Codes of the functions that are not built in by their names, those of activations and of aggregations.

        See `propneat.register_activation` and `propneat.register_aggregation`.
        """
        from propneat.genome import ACTIVATIONS, AGGREGATIONS

        kinds = ((ACTIVATIONS, (*self.activations, self.output_activation)), (AGGREGATIONS, self.aggregations))
        return {
            f"{known.word}s": {name: known.index(name) for name in chosen if name not in tuple(known)}
            for known, chosen in kinds
        }

    @property
    def own_functions(self) -> list[str]:
        """The same functions in words, for a sentence that refuses them."""
        from propneat.genome import ACTIVATIONS, AGGREGATIONS

        own = self.own_codes
        return [known.described(name) for known in (ACTIVATIONS, AGGREGATIONS) for name in own[f"{known.word}s"]]

    def _check_names(self) -> None:
        # numpy loads with these, and a help that shows settings needs none
        from propneat.genome import ACTIVATIONS, AGGREGATIONS

        for name, known in (("activations", ACTIVATIONS), ("aggregations", AGGREGATIONS)):
            chosen = getattr(self, name)
            unknown = [entry for entry in chosen if not known.find(entry)]
            if unknown or not chosen:
                raise ConfigError(
                    f"{name} must name at least one of {', '.join(known)}, and got {', '.join(unknown) or 'none'}"
                )
        if not ACTIVATIONS.find(self.output_activation):
            raise ConfigError(f"output_activation must be one of {', '.join(ACTIVATIONS)}, not {self.output_activation!r}")

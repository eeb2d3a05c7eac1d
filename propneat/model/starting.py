"""The network that a run starts from: that of an earlier run, if it fits what this one is to learn."""

from collections.abc import Iterable
from pathlib import Path

from propneat.base.errors import ConfigError, GenomeError
from propneat.base.setting_types import shown
from propneat.genome import Genome
from propneat.model.model import Model, load_genome_file
from propneat.model.preparation import PreparedProblem

__all__ = ["starting_genomes"]


def starting_genomes(start: Genome | Model | Path | str | None, prepared: PreparedProblem) -> tuple[Genome, ...]:
    """Return the genome to begin a population with, none for None; a file may hold it bare or as a model.

    Raises GenomeError, one sentence, for a network of other inputs or outputs than the problem has, or a file that is none, and
    ConfigError for anything else.
    """
    if start is None:
        return ()
    model: Model | None = None
    if isinstance(start, str | Path):
        genome, model = load_genome_file(start)
    elif isinstance(start, Model):
        genome, model = start.genome, start
    elif isinstance(start, Genome):
        genome = start
    else:
        raise ConfigError(f"start must be a Genome, a Model or the file of one, not {shown(start)}")
    sizes = len(prepared.preprocessor.rules), prepared.problem.train.targets.shape[-1]
    if (genome.n_inputs, genome.n_outputs) != sizes:
        raise GenomeError(
            f"the network to start from has {genome.n_inputs} inputs and {genome.n_outputs} outputs, and this table gives "
            f"{sizes[0]} and needs {sizes[1]}: start from one that was made of such a table"
        )
    if model is not None:
        _check_meaning(model, prepared)
    return (genome,)


def _check_meaning(model: Model, prepared: PreparedProblem) -> None:
    names = [rule.name for rule in prepared.preprocessor.rules]
    other = [(own, here) for own, here in zip(model.input_names, names, strict=True) if own != here]
    if other:
        raise GenomeError(
            f"the network to start from reads the input {other[0][0]!r} where this table gives {other[0][1]!r}: "
            "start from one that was made of such a table"
        )
    if model.task != prepared.problem.task or _texts(model.classes) != _texts(prepared.classes):
        raise GenomeError(
            "the network to start from answers another question than this table asks: its task and classes must be the same"
        )


def _texts(classes: Iterable[object] | None) -> list[str]:
    """Classes as they are written, since those of an array may be of another type than those read from a file."""
    return [] if classes is None else [str(label) for label in classes]

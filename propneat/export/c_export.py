"""A model as C, with what was asked for beside it."""

from dataclasses import dataclass

from propneat.export.c_files import float_files, joined_files
from propneat.model import Model

__all__ = ["COptions", "export_c"]


@dataclass(frozen=True)
class COptions:
    """How a model is written in C: the prefix of its names, and whether in one header."""

    name: str = "model"
    single_header: bool = False


def export_c(model: Model, options: COptions = COptions()) -> dict[str, str]:
    """Return the texts of the files by their names; raises ConfigError for a name that C does not take."""
    files = float_files(model, options.name)
    return joined_files(files, options.name) if options.single_header else files

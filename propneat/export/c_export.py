"""A model as C, with what was asked for beside it."""

from dataclasses import dataclass, field
from typing import Any

from propneat.errors import ConfigError
from propneat.export.c_columns import encode_rows, inputs_of, made_up_rows, plan_columns
from propneat.export.c_cost import Cost, check_tolerance, measure_cost
from propneat.export.c_files import fixed_files, float_files, joined_files
from propneat.export.c_fixed import FixedModel, quantise
from propneat.export.c_names import check_name
from propneat.model import Model

__all__ = ["NUMBERS", "CExport", "COptions", "export_c"]

NUMBERS = ("float32", "int16", "int8")
"""What numbers the C computes with; int8 has weights of 8 bits, and values of 16."""


@dataclass(frozen=True)
class COptions:
    """How a model is written in C: the prefix of its names, its numbers, how far answers may move, and whether in one header."""

    name: str = "model"
    numbers: str = "float32"
    tolerance: float | None = None
    single_header: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.numbers not in NUMBERS:
            raise ConfigError(f"numbers must be one of {', '.join(NUMBERS)}, not {self.numbers!r}")
        if self.tolerance is not None and self.numbers == "float32":
            raise ConfigError("a tolerance goes with fixed point: float32 is right to its last digits; give --numbers int16 or int8")


@dataclass(frozen=True)
class CExport:
    """The texts of the files by their names, what is to be said, and, of fixed point, its plan and its cost."""

    files: dict[str, str]
    notes: list[str] = field(default_factory=list)
    fixed: FixedModel | None = None
    cost: Cost | None = None


def export_c(model: Model, options: COptions = COptions(), table: Any = None) -> CExport:
    """Return a model as C; the rows of `table`, a dataframe, choose the units of fixed point and measure its cost.

    Raises ConfigError for options that do not fit, ExportError where an answer moves further than the tolerance.
    """
    if options.numbers == "float32":
        made = CExport(float_files(model, options.name))
    else:
        made = _export_fixed(model, options, table)
    files = joined_files(made.files, options.name) if options.single_header else made.files
    return CExport(files, made.notes, made.fixed, made.cost)


def _export_fixed(model: Model, options: COptions, table: Any) -> CExport:
    layout = plan_columns(model)
    if table is None:
        x = made_up_rows(layout)
        inputs, target = inputs_of(model, layout, x), None
        notes = [f"units chosen on {len(x)} made-up rows: --rows names a file of those of training"]
    else:
        x, inputs, notes = encode_rows(model, layout, table), model.preprocessor.transform(table, model.used_features), []
        target = table[model.target_name] if model.target_name in table.columns else None
    fixed = quantise(model, layout, options.numbers, inputs)
    cost = measure_cost(fixed, x, inputs, target)
    if options.tolerance is not None:
        check_tolerance(cost, options.tolerance, options.numbers)
    said = cost.lines(options.numbers)
    return CExport(fixed_files(fixed, options.name, said), [*notes, *said], fixed, cost)

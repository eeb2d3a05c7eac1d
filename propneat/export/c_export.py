"""A model as C, with what was asked for beside it."""

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.export.c_columns import Layout, encode_rows, inputs_of, made_up_rows, plan_columns
from propneat.export.c_cost import Cost, check_tolerance, measure_cost
from propneat.export.c_files import fits_tables, fixed_files, float_files, joined_files
from propneat.export.c_fixed import FixedModel, quantise
from propneat.export.c_names import check_name
from propneat.export.c_project import arduino_files, cmake_text, zipped
from propneat.export.c_selftest import Vectors, fixed_vectors, float_vectors, test_text
from propneat.export.float32_limits import check_columns, check_float32
from propneat.model import Model

__all__ = ["NUMBERS", "CExport", "COptions", "export_c"]

NUMBERS = ("float32", "int16", "int8")
"""What numbers the C computes with; int8 has weights of 8 bits, and values of 16."""
_MOST_NUMBERS = 2000
"""Numbers of a self-test, so that it fits beside the model on a chip of 32 KB."""


@dataclass(frozen=True)
class COptions:
    """How a model is written in C.

    `name` is the prefix of its names, `tolerance` how far an answer of fixed point may be from the exact one, None for any.
    Source and header may be one `single_header`; `with_test` adds a self-test and a build file, `arduino` makes a library.
    """

    name: str = "model"
    numbers: str = "float32"
    tolerance: float | None = None
    single_header: bool = False
    with_test: bool = False
    arduino: bool = False

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.numbers not in NUMBERS:
            raise ConfigError(f"numbers must be one of {', '.join(NUMBERS)}, not {self.numbers!r}")
        if self.tolerance is not None and self.numbers == "float32":
            raise ConfigError(
                "a tolerance goes with fixed point: float32 is right to its last digits; give --numbers int16 or int8"
            )
        if self.single_header and (self.with_test or self.arduino):
            raise ConfigError("a single header goes with neither a self-test nor an Arduino library: leave one of them out")
        if self.arduino and self.with_test:
            raise ConfigError("an Arduino library holds no self-test: leave one of them out")


@dataclass(frozen=True)
class CExport:
    """The contents of the files by their names, and what is to be said.

    `sources` are header and source alone, `x` rows (n_rows, n_columns); `fixed` and `cost` are those of fixed point.
    """

    model: Model
    files: dict[str, str | bytes]
    sources: dict[str, str]
    x: np.ndarray
    notes: list[str] = field(default_factory=list)
    fixed: FixedModel | None = None
    cost: Cost | None = None

    @cached_property
    def vectors(self) -> Vectors:
        """Rows for a self-test, with their answers; raises ExportError where the network has none."""
        count = max(4, _MOST_NUMBERS // (self.x.shape[1] + 1))
        if self.fixed is not None:
            return fixed_vectors(self.fixed, self.x, count)
        return float_vectors(self.model, plan_columns(self.model), self.x, count)


def export_c(model: Model, options: COptions = COptions(), table: Any = None) -> CExport:
    """Return a model as C; the rows of `table`, a dataframe, choose the units of fixed point and measure its cost.

    Raises ConfigError for options that do not fit and for what float32 cannot hold, ExportError where an answer moves further than the tolerance.
    """
    model.row_plan("the C that propneat writes")
    layout = plan_columns(model)
    if options.numbers == "float32":
        check_float32(model, layout)
    else:
        check_columns(layout)
    x, inputs, notes = _rows(model, layout, options, table)
    fixed = cost = None
    if options.numbers == "float32":
        sources = float_files(model, options.name, layout)
        notes.append("written as tables and loops, smaller here than straight code" if fits_tables(model, layout)
                     else "written as straight code, smaller here than tables and loops")  # fmt: skip
    else:
        fixed = quantise(model, layout, options.numbers, inputs)
        cost = measure_cost(
            fixed, x, inputs, None if table is None or model.target_name not in table.columns else table[model.target_name]
        )
        if options.tolerance is not None:
            check_tolerance(cost, options.tolerance, options.numbers)
        said = cost.lines(options.numbers)
        notes += said
        sources = fixed_files(fixed, options.name, said)
    plain = CExport(model, dict(sources), sources, x, notes, fixed, cost)
    return replace(plain, files=_arranged(plain, layout, options))


def _rows(model: Model, layout: Layout, options: COptions, table: Any) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return rows as `x` and as exact inputs, and what is to be said of them."""
    if table is not None:
        return encode_rows(model, layout, table), model.preprocessor.transform(table, model.used_features), []
    x = made_up_rows(layout)
    told = [f"units chosen on {len(x)} made-up rows: --rows names a file of those of training"]
    return x, inputs_of(model, layout, x), told if options.numbers != "float32" else []


def _arranged(plain: CExport, layout: Layout, options: COptions) -> dict[str, str | bytes]:
    """Return the files as they are to lie in a folder."""
    sources, name = plain.sources, options.name
    if options.single_header:
        return dict(joined_files(sources, name))
    if options.arduino:
        library = arduino_files(sources, plain.model, layout, name, options.numbers)
        return {**library, f"{name}.zip": zipped(library, name)}
    if options.with_test:
        test = {f"{name}_test.c": test_text(plain.vectors, name), "CMakeLists.txt": cmake_text(name, options.numbers)}
        return {**sources, **test}
    return dict(sources)

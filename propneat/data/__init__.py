"""Data: tables from files, embedded data sets and PMLB, and the preprocessing that turns them into network inputs.

Only light modules load with this package; pandas, scikit-learn and pmlb load when a function needs them.
"""

from propneat.data.catalogue import CatalogueEntry, read_catalogue
from propneat.data.plan import ColumnPlan, TablePlan
from propneat.data.planning import plan_table
from propneat.data.preprocessing import EncodingOptions, InputRule, Preprocessor
from propneat.data.table import Table, load_table
from propneat.data.target_scale import TargetScale
from propneat.data.targets import TASKS, encode_target, infer_task
from propneat.settings.reading import ReadingOptions

__all__ = [
    "CatalogueEntry",
    "ColumnPlan",
    "EncodingOptions",
    "InputRule",
    "Preprocessor",
    "ReadingOptions",
    "TASKS",
    "Table",
    "TablePlan",
    "TargetScale",
    "encode_target",
    "infer_task",
    "load_table",
    "plan_table",
    "read_catalogue",
]

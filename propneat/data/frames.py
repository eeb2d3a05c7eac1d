"""Whatever holds a table, seen as named columns: pandas, polars and other dataframes, numpy arrays, sparse matrices."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from propneat.base.errors import DataError

__all__ = ["MAX_DENSE_BYTES", "TableView", "densified"]

MAX_DENSE_BYTES = 2**30
"""The most bytes that a sparse table may take as a dense one of float64."""


@dataclass(frozen=True, eq=False)
class TableView:
    """A table seen as named columns: `data` is a pandas DataFrame or a numpy array of shape (n_rows, n_columns)."""

    data: object
    names: tuple[str, ...]

    @classmethod
    def of(cls, table: object) -> "TableView":
        """Wrap a dataframe, a sparse matrix, or anything numpy reads as two dimensions.

        Names of columns are texts without blanks at their ends; array columns are called x0, x1, and so on. Dataframes other
        than pandas' are read through Arrow. Raises DataError for two columns of one name, another number of dimensions, and a
        sparse table that would take more than `MAX_DENSE_BYTES`.
        """
        if isinstance(table, cls):
            return table
        table = densified(_as_pandas(table))
        if hasattr(table, "columns") and hasattr(table, "iloc"):
            names = tuple(str(name).strip() for name in table.columns)
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise DataError(f"the table has more than one column named {twice[0]!r}: rename one of them")
            return cls(table, names)
        array = np.asarray(table)
        if array.ndim != 2:
            raise DataError(f"expected a table of shape (rows, columns), got an array of shape {array.shape}")
        return cls(array, tuple(f"x{index}" for index in range(array.shape[1])))

    def __len__(self) -> int:
        return len(self.data)

    @property
    def is_array(self) -> bool:
        """Whether the columns have no names of their own."""
        return isinstance(self.data, np.ndarray)

    def column(self, position: int) -> object:
        """Return one column as a pandas Series or an array of shape (n_rows,)."""
        if self.is_array:
            return self.data[:, position]
        column = self.data.iloc[:, position]
        return column.sparse.to_dense() if hasattr(column.dtype, "fill_value") else column

    def rows(self, mask: np.ndarray) -> "TableView":
        """Return the view of the rows where the boolean `mask` (n_rows,) is true."""
        return TableView(self.data[mask], self.names)


def densified(table: object) -> object:
    """Return a scipy sparse matrix as an array of float64, anything else as it is; raises DataError when it is too large."""
    if not hasattr(table, "toarray"):
        return table
    n_bytes = 8 * table.shape[0] * table.shape[1]
    if n_bytes > MAX_DENSE_BYTES:
        raise DataError(
            f"the sparse table of {table.shape[0]} rows and {table.shape[1]} columns would take {n_bytes / 2**30:.1f} GiB as a "
            f"dense one, and at most {MAX_DENSE_BYTES / 2**30:.0f} GiB are allowed: choose fewer columns"
        )
    return table.toarray()


def _as_pandas(table: object) -> object:
    """Return a dataframe of another library as a pandas DataFrame, anything else as it is."""
    if hasattr(table, "iloc") or isinstance(table, np.ndarray):
        return table
    if hasattr(table, "__arrow_c_stream__") and hasattr(table, "columns"):
        import pyarrow

        return pyarrow.table(table).to_pandas(date_as_object=False)
    return table

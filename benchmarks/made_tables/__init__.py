"""Tables as people have them, made from a seed: each as a messy CSV file and as the clean columns that stand in it."""

from made_tables import customers, files, hours, prices
from made_tables.making import MadeTable

__all__ = ["MAKERS", "MadeTable"]

MAKERS = {**customers.MAKERS, **prices.MAKERS, **hours.MAKERS, **files.MAKERS}
"""Name -> a function of a seed that makes the table."""

"""The report of a benchmark: stored result rows become statistics, tables, pictures and one self-contained HTML page.

Results to cells (`cells`), cells to numbers (`analysis`), numbers to tables and pictures, and those to a page. Nothing here
trains anything or imports torch.
"""

from propneat.report.benchmark.results import Results
from propneat.report.benchmark.write import ReportPaths, write_report

__all__ = ["ReportPaths", "Results", "write_report"]

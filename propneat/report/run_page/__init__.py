"""The report of a run: one HTML page that loads nothing, with the network, its errors, its inputs and how it came about."""

from propneat.report.run_page.content import RunContent, render_run_page

__all__ = ["RunContent", "render_run_page"]

"""HTML pages that load nothing, from templates that escape whatever they are given."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from propneat.genome.presentation import clean_text
from propneat.report.drawing import DARK, LIGHT, Drawing, format_colours, render_svg

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render_page"]

_PLAIN = re.compile(r"\d+(\.\d+)?")
"""Text that the script of a page sorts by as it is."""


def render_page(template: str, **values: Any) -> str:
    """Fill a template of `propneat/report/templates`; the same text for the same values.

    Texts lose what HTML cannot hold and are escaped; only what the package itself has drawn or written goes in as it is.
    """
    return _environment().get_template(template).render(values)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    def finalize(value: Any) -> Any:
        return clean_text(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    def prose(text: str) -> Markup:
        """Return text that does not break within "p < 0.05"."""
        return Markup(str(escape(clean_text(text))).replace("p &lt; ", "p&nbsp;&lt;&nbsp;").replace("p = ", "p&nbsp;=&nbsp;"))

    def breakable(text: str) -> Markup:
        """Return a name that may break at its underscores."""
        return Markup(str(escape(clean_text(text))).replace("_", "_<wbr>"))

    def lines(texts: list[str]) -> Markup:
        """Return lines whose blanks are kept."""
        return Markup("\n").join("".join(c if c == " " else clean_text(c) or " " for c in text) for text in texts)

    environment = Environment(
        loader=PackageLoader("propneat.report", "templates"), autoescape=True, undefined=StrictUndefined, finalize=finalize,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters |= {
        "prose": prose,
        "breakable": breakable,
        "lines": lines,
        "picture": _picture,
        "sorted_by": _sorted_by,
    }
    environment.tests["drawing"] = lambda value: isinstance(value, Drawing)
    environment.globals |= {"light": Markup(format_colours(LIGHT)), "dark": Markup(format_colours(DARK))}
    return environment


def _sorted_by(cell: Any) -> str:
    """Return the number that a cell of a table is sorted by, where its text does not say it."""
    if cell.value is None or (_PLAIN.fullmatch(cell.text) and not cell.detail):
        return ""
    return f"{cell.value:.6g}"


def _picture(drawing: Drawing) -> Any:
    """Return a drawing as SVG, which escapes its texts itself."""
    from markupsafe import Markup

    return Markup(render_svg(drawing, standalone=False))

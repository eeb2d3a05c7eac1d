"""How the champion is picked from the best networks of every size: by a word, by a price of a connection, or by a number."""

import re

from propneat.base.errors import ConfigError

__all__ = ["PICKS", "check_pick", "price_of"]

PICKS = ("best", "one-standard-error")
"""The rules that have a word of their own."""

_PRICE = re.compile(r"(\d+(?:\.\d+)?) *%")


def price_of(rule: str | int) -> float | None:
    """Return what a connection must be worth by a rule such as "1%", as a share, and None for rules of another kind."""
    found = _PRICE.fullmatch(rule) if isinstance(rule, str) else None
    return None if found is None else float(found[1]) / 100


def check_pick(rule: str | int) -> None:
    """Raise ConfigError for what is no rule to pick by."""
    known = rule >= 1 if isinstance(rule, int) else rule in PICKS or price_of(rule) is not None
    if not known:
        words = f"{', '.join(PICKS)}, a price of a connection such as 1%, or a number of connections, 1 or more"
        raise ConfigError(f"pick must be {words}, not {rule!r}")

"""Whether a saved run and the one asked for are the same."""

import json
from collections.abc import Mapping
from typing import Any

from propneat.base.errors import CheckpointError

__all__ = ["check_identity"]

_SIZES = ("generations", "populations")
"""What people raise to have a run go on."""


def check_identity(saved: Mapping[str, Any], current: Mapping[str, Any], *, may_grow: frozenset[str] = frozenset()) -> None:
    """Raise CheckpointError naming what differs between the identity of a saved run and the current one.

    Numbers under the keys in `may_grow` may be larger now than they were. Nested keys are joined by dots.
    """
    before, now = _flat(saved), _flat(current)
    differing = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    for key in differing:
        if key not in may_grow or not isinstance(before.get(key), int):
            grows = f" (what may grow is {' and '.join(sorted(may_grow))})" if key in _SIZES and may_grow else ""
            raise CheckpointError(
                f"this run was begun with {key} = {_shown(before.get(key))}, and now it is {_shown(now.get(key))}: "
                f"continue with what it was begun with{grows}, or start a new run"
            )
        if now[key] < before[key]:
            raise CheckpointError(f"{key} may be raised when a run is continued, not lowered from {before[key]} to {now[key]}")


def _flat(document: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = list(value) if isinstance(value, tuple) else value
    return flat


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:20] + "..." + text[-20:]

"""What the speed is meant to be, beside what it is."""

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["find_targets"]


def find_targets(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the targets that the measured parts say something about: name, expected, value, and whether it holds."""
    checks = (_generation_targets, _genetics_targets, _large_data_targets, _start_up_targets)
    return [
        {"name": name, "expected": f"{'at least' if sign > 0 else 'at most'} {bound:g}{unit}", "value": value, "holds": holds}
        for check in checks
        for name, sign, bound, unit, value in check(parts)
        for holds in [sign * value >= sign * bound]
    ]


Target = tuple[str, int, float, str, float]
"""Name, 1 for a lower bound or -1 for an upper one, the bound, its unit, and the value found."""


def _generation_targets(parts: Mapping[str, Any]) -> Iterator[Target]:
    for row in parts.get("peers", {}).get("contestants", ()):
        if row["label"] == "neat-python":
            yield "neat-python's generation over propneat's, which trains", 1, 10, "", row["ratio"]["median"]


def _genetics_targets(parts: Mapping[str, Any]) -> Iterator[Target]:
    for row in parts.get("genetics", {}).get("populations", ()):
        if row["genomes"] == 10_000:
            seconds = row["total_ms"]["median"] / 1e3
            yield f"all but training, 10,000 genomes of {row['connections']:.0f} connections", -1, 1.0, " s", seconds


def _large_data_targets(parts: Mapping[str, Any]) -> Iterator[Target]:
    if "large-data" in parts:
        found = parts["large-data"]
        yield f"peak memory, {found['rows']:,} rows x {found['features']} features", -1, 4096, " MiB", found["peak_mib"]


def _start_up_targets(parts: Mapping[str, Any]) -> Iterator[Target]:
    for row in parts.get("start-up", {}).get("commands", ()):
        if row["label"] == "propneat --help":
            yield row["label"], -1, 0.5, " s", row["seconds"]["median"]

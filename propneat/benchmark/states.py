"""States of data and of propneat: results of two of them do not compare, whatever their names say."""

from collections.abc import Iterable
from typing import NamedTuple

from propneat.base.errors import RunError
from propneat.benchmark.task import Planned

__all__ = ["State", "check_one_state", "find_mixture", "states_of"]


class State(NamedTuple):
    """What results were computed from: a data set, the hash of its values, and propneat's version."""

    dataset: str
    data_hash: str
    version: str


def states_of(plan: Iterable[Planned]) -> list[State]:
    """Return the states that planned tasks are of."""
    return list(dict.fromkeys(State(task.dataset, task.data_hash, task.version) for task in (entry.task for entry in plan)))


def find_mixture(states: Iterable[State]) -> str | None:
    """Say in words, hashes or versions included, what does not compare among the results of some states; None if all does."""
    hashes: dict[str, str] = {}
    versions: list[str] = []
    for dataset, data_hash, version in states:
        if version not in versions:
            versions.append(version)
        if len(versions) > 1:
            return f"different versions of propneat, {versions[0]} and {version}"
        if hashes.setdefault(dataset, data_hash) != data_hash:
            return f"different data under the name {dataset}, with the hashes {hashes[dataset]} and {data_hash}"
    return None


def check_one_state(where: str, states: Iterable[State], advice: str) -> None:
    """Raise RunError if `find_mixture` finds one: `where` the results are, what is mixed, and `advice`."""
    if mixture := find_mixture(states):
        raise RunError(f"{where} results of {mixture}, which do not compare: {advice}")

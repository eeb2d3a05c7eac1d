"""Several stores, such as shards, as one."""

from collections.abc import Sequence

from propneat.base.errors import RunError
from propneat.benchmark.states import check_one_state
from propneat.benchmark.store import Store

__all__ = ["check_mergeable", "merge_stores"]


def check_mergeable(stores: Sequence[Store]) -> None:
    """Raise StoreError unless stores are whole, RunError unless their results compare.

    That is those of one protocol, one version of propneat, and the same data under a name.
    """
    for store in stores:
        store.check()
    _check_alike(stores)


def _check_alike(stores: Sequence[Store]) -> None:
    protocols = {label for store in stores for label in store.protocols()}
    protocols |= {noted["protocol"] for store in stores if (noted := store.configuration())}
    if len(protocols) > 1:
        raise RunError("the folders hold results of different protocols, which do not compare: merge those of one protocol")
    check_one_state("the folders hold", [state for store in stores for state in store.states()], "merge those that do")


def merge_stores(target: Store, sources: Sequence[Store]) -> list[tuple[int, int]]:
    """Take over plans and results of stores that `check_mergeable` let pass, all or nothing.

    Returns of each how many results were new and how many known. Raises RunError where they do not compare with the target's.
    """
    _check_alike([target, *sources])
    noted = [found for store in (target, *sources) if (found := store.configuration())]
    counts = target.absorb(sources)
    if noted:
        methods = {name: options for each in (*noted[1:], noted[0]) for name, options in each["methods"].items()}
        suites = sorted({suite for each in noted for suite in each["suites"]})
        target.note("configuration", {**noted[0], "methods": methods, "suites": suites})
    return counts

"""Compiled loops of the dynamic programme over a family of lower sets.

Sets are visited in an order in which subsets come first and bytes never fall. Step j's value is pulled from all sets i that
it contains; `2 (M_j - M_i) + incoming_j` grows as i goes back, so the search for them ends as soon as that alone passes the
budget. Bytes and times are 64-bit integers throughout.
"""

import numpy as np

from propneat.base.native import inlined, outer

__all__ = ["cheapest_caches", "pareto_fronts"]

_NONE = np.int64(np.iinfo(np.int64).max)


@inlined
def _contains(words, small, large):
    for k in range(words.shape[1]):
        if words[small, k] & ~words[large, k]:
            return False
    return True


@inlined
def _added(words, small, boundary_start, boundary_node, large, weights):
    """Sum the weights of the boundary nodes of the larger set that are not in the smaller."""
    total = np.int64(0)
    for place in range(boundary_start[large], boundary_start[large + 1]):
        node = boundary_node[place]
        if not (words[small, node >> 6] >> np.uint64(node & 63)) & np.uint64(1):
            total += weights[node]
    return total


@outer
def cheapest_caches(words, memory, incoming, boundary_start, boundary_node, node_memory, budget):
    """Find whether any strategy keeps to a budget, in bytes: a cheaper cache is never worse for that.

    Returns (peak, needed): the peak of a strategy within the budget, -1 where there is none, and bytes over the budget
    below which no other budget changes that.
    """
    n = len(memory)
    cached = np.full(n, _NONE, np.int64)
    peaks = np.full(n, _NONE, np.int64)
    cached[0], peaks[0] = 0, 0
    needed = _NONE
    for j in range(1, n):
        for i in range(j - 1, -1, -1):
            base = 2 * (memory[j] - memory[i]) + incoming[j]
            if base > budget:
                # sets further back ask for more still
                needed = min(needed, base)
                break
            if cached[i] == _NONE or not _contains(words, i, j):
                continue
            need = base + cached[i]
            if need > budget:
                needed = min(needed, need)
                continue
            total = cached[i] + _added(words, i, boundary_start, boundary_node, j, node_memory)
            peak = max(peaks[i], need)
            if total < cached[j] or (total == cached[j] and peak < peaks[j]):
                cached[j], peaks[j] = total, peak
    return (peaks[n - 1] if cached[n - 1] != _NONE else np.int64(-1)), needed


@inlined
def _grown(array, n_used):
    if n_used < len(array):
        return array
    larger = np.empty(2 * len(array), array.dtype)
    larger[:n_used] = array
    return larger


@outer
def pareto_fronts(words, memory, time, incoming, boundary_start, boundary_node, node_memory, node_time, budget, most_overhead):
    """Find the strategies of least and most overhead within a budget, in bytes; returns the steps of one.

    For every set the pairs (overhead so far, cached bytes) are kept that no other pair beats in both: fewer bytes, and less
    overhead or, with `most_overhead`, more. Returns (sets, n_states): the positions of the strategy's sets in the family from
    the whole one back to the empty one, empty when no strategy keeps to the budget, and how many pairs were kept in all.
    """
    n, span = len(memory), time[-1] + 1
    start = np.zeros(n + 1, np.int64)
    overheads, caches = np.zeros(1024, np.int64), np.zeros(1024, np.int64)
    from_state = np.full(1024, -1, np.int64)
    of_set = np.zeros(1024, np.int64)
    n_states = 1
    start[1] = 1
    row, row_from = np.full(span, _NONE, np.int64), np.zeros(span, np.int64)
    for j in range(1, n):
        low, high = span, np.int64(-1)
        for i in range(j - 1, -1, -1):
            base = 2 * (memory[j] - memory[i]) + incoming[j]
            if base > budget:
                break
            # a front's last pair has the fewest bytes
            if start[i] == start[i + 1] or base + caches[start[i + 1] - 1] > budget or not _contains(words, i, j):
                continue
            bytes_added = _added(words, i, boundary_start, boundary_node, j, node_memory)
            time_added = time[j] - time[i] - _added(words, i, boundary_start, boundary_node, j, node_time)
            for state in range(start[i + 1] - 1, start[i] - 1, -1):
                if base + caches[state] > budget:
                    break
                overhead, cache = overheads[state] + time_added, caches[state] + bytes_added
                if cache < row[overhead]:
                    row[overhead], row_from[overhead] = cache, state
                    low, high = min(low, overhead), max(high, overhead)
        least = _NONE
        for k in range(high - low + 1):
            overhead = high - k if most_overhead else low + k
            if row[overhead] < least:
                least = row[overhead]
                overheads, caches = _grown(overheads, n_states), _grown(caches, n_states)
                from_state, of_set = _grown(from_state, n_states), _grown(of_set, n_states)
                overheads[n_states], caches[n_states] = overhead, least
                from_state[n_states], of_set[n_states] = row_from[overhead], j
                n_states += 1
            row[overhead] = _NONE
        start[j + 1] = n_states
    sets = np.empty(n, np.int64)
    n_sets, state = 0, start[n - 1] if start[n - 1] < start[n] else np.int64(-1)
    while state >= 0:
        sets[n_sets] = of_set[state]
        n_sets += 1
        state = from_state[state]
    return sets[:n_sets], n_states

"""Carries out a strategy in torch: every part a checkpoint that keeps what the strategy caches."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from propneat.recompute.graph import bits
from propneat.recompute.programme import Strategy
from propneat.recompute.tracing import Traced

__all__ = ["StrategyForward"]


class _Part:
    """The operations of one part of a strategy: what they take from earlier parts and what later ones take from them."""

    def __init__(self, traced: Traced, nodes: int, cached: int) -> None:
        self.places = sorted(k for node in bits(nodes) for k in traced.groups[node])
        self.kept = {k for node in bits(nodes & cached) for k in traced.groups[node]} & traced.stored
        self.recomputes = bool(traced.stored & set(self.places) - self.kept)
        own = {traced.calls[k] for k in self.places}
        inside = [other for k in self.places for other in traced.calls[k].all_input_nodes]
        self.inputs = [other for other in dict.fromkeys(inside) if other.op == "call_function" and other not in own]
        users = {node: set(node.users) - own for node in own}
        self.outputs = [traced.calls[k] for k in self.places if users[traced.calls[k]]]
        last = {other: k for k in self.places for other in traced.calls[k].all_input_nodes}
        self.dropped = {k: [other for other, at in last.items() if at == k and other not in self.outputs] for k in self.places}
        self.mutated = [place for k in self.places for place in traced.mutated.get(k, ())]


class StrategyForward:
    """The forward pass of a traced module by a strategy, whose last part is kept instead of recomputed.

    Called with the module's parameters and buffers by name, and an input; both need the shapes that were traced.
    """

    def __init__(self, traced: Traced, strategy: Strategy) -> None:
        self.traced = traced
        self.parts = [_Part(traced, nodes, strategy.cached) for nodes in strategy.parts]
        self.needed = [{traced.output}]
        for part in self.parts[:0:-1]:
            self.needed.insert(0, self.needed[0].union(part.inputs))

    def __call__(self, numbers: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
        """Return the module's result."""
        given = {node: x if name is None else numbers[name] for node, name in self.traced.sources.items()}
        values: dict[torch.fx.Node, torch.Tensor] = {}
        for number, (part, needed) in enumerate(zip(self.parts, self.needed, strict=True)):
            once = _Pass(self.traced, part, given)
            inputs = [values[node] for node in part.inputs]
            if number == len(self.parts) - 1 or not part.recomputes:
                outputs = once(*inputs)
            else:
                selective = partial(create_selective_checkpoint_contexts, once.policy, allow_cache_entry_mutation=True)
                options = {"context_fn": selective} if part.kept else {}
                outputs = checkpoint(once, *inputs, use_reentrant=False, preserve_rng_state=False, **options)
            values.update(zip(part.outputs, outputs, strict=True))
            values = {node: value for node, value in values.items() if node in needed}
        return values[self.traced.output]


class _Pass:
    """One part in one forward pass, run once then, and again when its values are asked for.

    Before the first run buffers that it changes are copied, and before every draw of random numbers the state of their
    generator; a second run works on copies of the former and from the latter, and leaves both as they are.
    """

    def __init__(self, traced: Traced, part: _Part, given: dict[torch.fx.Node, torch.Tensor]) -> None:
        self.traced, self.part, self.given = traced, part, given
        self.place = -1
        self.states: dict[int, torch.Tensor] = {}
        self.buffers: dict[torch.fx.Node, torch.Tensor] | None = None

    def policy(self, *_: Any, **__: Any) -> CheckpointPolicy:
        """Keep what the strategy caches."""
        kept = self.place in self.part.kept
        return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    def __call__(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        is_first = self.buffers is None
        if is_first:
            self.buffers = {node: self.given[node].detach().clone() for node in self.part.mutated}
            return self._compute(inputs, self.given, is_first)
        copies = {node: buffer.clone() for node, buffer in self.buffers.items()}
        states = _generator_states(self.given)
        try:
            return self._compute(inputs, {**self.given, **copies}, is_first)
        finally:
            if self.states:
                _restore(states)

    def _compute(
        self, inputs: tuple[torch.Tensor, ...], given: dict[torch.fx.Node, torch.Tensor], is_first: bool
    ) -> tuple[torch.Tensor, ...]:
        traced, values = self.traced, dict(zip(self.part.inputs, inputs, strict=True))

        def value_of(node: torch.fx.Node) -> Any:
            if node.op == "get_attr":
                return getattr(traced.constants, node.target)
            return given[node] if node in given else values[node]

        for place in self.part.places:
            self.place = place
            node = traced.calls[place]
            if place in traced.random and place not in self.part.kept:
                if is_first:
                    self.states[place] = _generator_states(given)
                else:
                    _restore(self.states[place])
            arguments = torch.fx.node.map_arg((node.args, node.kwargs), value_of)
            values[node] = node.target(*arguments[0], **arguments[1])
            del arguments
            for other in self.part.dropped[place]:
                values.pop(other, None)
        return tuple(values[node] for node in self.part.outputs)


def _generator_states(given: dict[torch.fx.Node, torch.Tensor]) -> dict[torch.device, torch.Tensor]:
    """States of the default generators of all devices in use."""
    devices = dict.fromkeys(value.device for value in given.values())
    return {
        device: torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state() for device in devices
    }  # fmt: skip


def _restore(states: dict[torch.device, torch.Tensor]) -> None:
    for device, state in states.items():
        if device.type == "cuda":
            torch.cuda.set_rng_state(state, device)
        else:
            torch.set_rng_state(state)

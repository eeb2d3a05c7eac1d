"""The torch form of a recurrent network: the module of one step, applied to step after step."""

import numpy as np
import torch

from propneat.compiler.network import CompiledNetwork
from propneat.compiler.plan import LayerPlan
from propneat.compiler.unfolding import unfold
from propneat.compiler.write_back import fixed_numbers

__all__ = ["RecurrentNetwork"]


class RecurrentNetwork(torch.nn.Module):
    """A genome as a torch module with a memory: what its recurrent connections carry from one step to the next.

    `step` is the CompiledNetwork of one step, see `unfold`; its `weights` and `biases`, in plan order, are the only parameters.
    Those that stand for a time constant are fixed, and set anew wherever the network begins and where its numbers are asked for.
    The state is what a step keeps, shape (n_rows, n_kept), and before the first step 0. A genome without recurrent connections
    keeps nothing, and its steps do not know of each other.
    """

    def __init__(self, plan: LayerPlan, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.n_inputs, self.n_outputs = plan.n_inputs, plan.n_outputs
        self.step = CompiledNetwork(unfold(plan), dtype)
        self.n_kept = self.step.n_inputs - plan.n_inputs
        edges, slots = fixed_numbers(plan)
        self._fixed = [
            (parameter, torch.tensor(np.flatnonzero(fixed)), torch.tensor(numbers[fixed], dtype=dtype))
            for parameter, fixed, numbers in (
                (self.step.weights, edges, plan.weights),
                (self.step.biases, slots[plan.n_inputs :], plan.biases),
            )
            if fixed.any()
        ]

    def forward(self, X: torch.Tensor, state: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Compute a step, `X` of shape (n_rows, n_inputs), or all steps of sequences, (n_rows, n_steps, n_inputs).

        Returns the outputs, (n_rows, n_outputs) or (n_rows, n_steps, n_outputs), and the state to go on with. Raises ValueError
        for another shape.
        """
        if X.ndim not in (2, 3) or X.shape[-1] != self.n_inputs:
            raise ValueError(f"expected steps of {self.n_inputs} inputs, got an array of shape {tuple(X.shape)}")
        if state is None:
            state = self.first_state(len(X))
        if X.ndim == 2:
            answers = self.step(torch.cat([X.to(state.dtype), state], dim=1))
            return answers.split([self.n_outputs, self.n_kept], dim=1)
        outputs = []
        for x in X.unbind(dim=1):
            answer, state = self(x, state)
            outputs.append(answer)
        return torch.stack(outputs, dim=1) if outputs else state.new_zeros(len(X), 0, self.n_outputs), state

    def first_state(self, n_rows: int) -> torch.Tensor:
        """Return the state before the first step, zeros of shape (n_rows, n_kept)."""
        self._set_fixed()
        return self.step.weights.new_zeros(n_rows, self.n_kept)

    def numbers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return copies of (weights, biases) as arrays in plan order, as `write_back` takes them."""
        self._set_fixed()
        return self.step.numbers()

    def _set_fixed(self) -> None:
        for parameter, places, numbers in self._fixed:
            parameter.data[places.to(parameter.device)] = numbers.to(parameter.device)

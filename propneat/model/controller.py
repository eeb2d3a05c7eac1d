"""A network at work: one observation after another, from a compiled walk, with the network's memory."""

import numpy as np

from propneat.base.errors import ConfigError, GenomeError
from propneat.compiler import compile_genome
from propneat.compiler.walk import step_once
from propneat.data.number_inputs import NumberInputs
from propneat.genome import Genome
from propneat.model.answers import answer_step
from propneat.model.model import Model

__all__ = ["Controller"]


class Controller:
    """Answers a genome, or a model of a table of numbers, gives to one observation after another.

    A genome takes what its inputs are to hold, a model a row of its table. A recurrent network remembers the steps since
    `reset`; one without memory answers every observation alone. Raises ConfigError for anything else, and for a model that
    reads texts or dates. Memory is the controller's own: use one in one thread at a time.
    """

    def __init__(self, network: Genome | Model) -> None:
        if not isinstance(network, Genome | Model):
            raise ConfigError(f"a controller is made of a Genome or a Model, not of {type(network).__name__}")
        self._rules, plan = None, network.plan if isinstance(network, Model) else compile_genome(network)
        self.n_inputs, self.n_outputs = plan.n_inputs, plan.n_outputs
        if isinstance(network, Model):
            inputs = NumberInputs.of(network.preprocessor, network.used_features)
            if inputs is None:
                raise ConfigError("a controller reads numbers, and this model has columns of texts or dates: use its predict")
            self._rules, self.n_inputs = (inputs.rules, inputs.means, inputs.gaps), inputs.n_columns
        self._code, self._numbers = plan.program.code, plan.program.numbers
        self._memory = np.zeros(int(plan.program.slot_start[-1]))
        self._observation, self._shape = np.zeros(self.n_inputs), (self.n_inputs,)

    def reset(self) -> None:
        """Forget all observations: the next one is the first of an episode."""
        self._memory[:] = 0.0

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Return the outputs for an observation, n_inputs numbers, as a new float64 array of shape (n_outputs,).

        The outputs are as the network gives them: `outputs.argmax()` is the likeliest of several classes or actions. Raises
        ValueError for another number of numbers, and GenomeError where a model gets an infinite one.
        """
        if type(observation) is not np.ndarray:
            observation = np.asarray(observation, np.float64)
        if observation.shape != self._shape:
            raise ValueError(f"expected an observation of {self.n_inputs} numbers, got an array of shape {observation.shape}")
        # a copy, since compiled code is compiled anew for arrays of other types and for those that cannot be written to
        self._observation[...] = observation
        outputs = np.empty(self.n_outputs)
        if self._rules is None:
            step_once(self._code, self._numbers, self._observation, self._memory, outputs)
        elif not answer_step(self._rules, self._code, self._numbers, self._observation, self._memory, outputs):
            raise GenomeError("the observation holds an infinite number, or one too far from those of training to compute with")
        return outputs

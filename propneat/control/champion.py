"""Champions: a network with all that it needs to act alone, as a file and at play."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError, GenomeError
from propneat.base.records import write_atomic
from propneat.base.rng import make_rng
from propneat.compiler import compile_pool, compile_programs
from propneat.compiler.walk import step_once
from propneat.control.environment import ActionSpace, Environment
from propneat.control.moments import Moments
from propneat.control.rollouts import Rollouts, World, scaling_of
from propneat.genome import GenePool, Genome, format_document, genome_from_document, genome_to_document, parse_document

__all__ = ["CONTROL_SCHEMA", "Champion", "Player", "champion_of", "load_champion"]

CONTROL_SCHEMA = "propneat.control/1"
_KEYS = {"schema", "environment", "observations", "action", "scaling", "about"}


@dataclass(frozen=True, eq=False)
class Champion:
    """A genome, the action rule, the scaling of observations, and the environment they were evolved in."""

    genome: Genome
    environment: str
    action: ActionSpace
    scaling: Moments | None
    """Of the observations that its scaling comes from, None for observations as they are."""
    about: dict[str, Any] = field(default_factory=dict)

    def save(self, path: Path | str) -> None:
        """Write the champion as a genome file with a key "control"."""
        low, high = list(self.action.low), list(self.action.high)
        numbers = {"choices": self.action.n_choices} if self.action.n_choices else {"low": low, "high": high}
        control = {
            "schema": CONTROL_SCHEMA,
            "environment": self.environment,
            "observations": self.genome.n_inputs,
            "action": {"rule": self.action.rule} | numbers,
            "scaling": self.scaling and self.scaling.to_dict(),
            "about": self.about,
        }
        write_atomic(path, format_document(genome_to_document(self.genome) | {"control": control}))

    def check_fits(self, environment: Environment) -> None:
        """Raise ConfigError unless the network can see and act in an environment."""
        fits = self.genome.n_inputs, self.action.rule, self.action.n_outputs
        asked = environment.n_observations, environment.action.rule, environment.action.n_outputs
        if fits != asked:
            words = "{} observations and {} ({} outputs)"
            raise ConfigError(f"this network has {words.format(*fits)}, and {environment.name} asks for {words.format(*asked)}")

    def play(self, world: World, n_episodes: int, seed: int) -> Rollouts:
        """Let it act in episodes that a seed names; raises ConfigError for an environment it does not fit."""
        self.check_fits(world.environment)
        programs = compile_programs(compile_pool(GenePool.pack([self.genome])))
        seeds = make_rng(seed, "play").integers(0, 2**63, n_episodes, dtype=np.uint64)
        return world.roll_out(programs, seeds[None], self.scaling)

    def player(self) -> "Player":
        """Return it as something that acts, observation after observation."""
        return Player(self)


class Player:
    """A champion at play: call it with an observation for an action. Mutable: it remembers; `reset` has it forget."""

    def __init__(self, champion: Champion) -> None:
        programs = compile_programs(compile_pool(GenePool.pack([champion.genome])))
        self._action, self._scaling = champion.action, scaling_of(champion.scaling, programs.n_inputs)
        self._code, self._numbers = programs.code, programs.numbers
        self._memory, self._outputs = np.zeros(int(programs.slot_start[1])), np.zeros(programs.n_outputs)

    def reset(self) -> None:
        """Begin an episode."""
        self._memory[:] = 0.0

    def __call__(self, observation: np.ndarray) -> int | np.ndarray:
        """Return the number of a choice, or the action, float64 (n_outputs,), for an observation, (n_observations,)."""
        subtract, multiply, limit = self._scaling
        x = np.clip((np.asarray(observation, np.float64) - subtract) * multiply, -limit, limit)
        step_once(self._code, self._numbers, x, self._memory, self._outputs)
        action = self._action.act(self._outputs[None])[0]
        return int(action) if self._action.n_choices else action


def load_champion(path: Path | str) -> Champion:
    """Read a champion; raises GenomeError for a file that holds none."""
    from propneat.model import read_genome_text

    document = parse_document(read_genome_text(path))
    champion = champion_of(genome_from_document(document), document)
    if champion is None:
        raise GenomeError(f"{Path(path).name} holds no network that acts: give the champion.json of a run with --env")
    return champion


def champion_of(genome: Genome, document: Mapping[str, Any]) -> Champion | None:
    """Return the champion of a parsed genome file, None where it is of no environment; raises GenomeError for a broken one."""
    part = document.get("control")
    if part is None:
        return None
    try:
        if set(part) != _KEYS or part["schema"] != CONTROL_SCHEMA or not isinstance(part["about"], dict):
            raise ValueError(f"it must have schema {CONTROL_SCHEMA!r} and the keys {', '.join(sorted(_KEYS))}")
        action = _action_of(part["action"])
        scaling = None if part["scaling"] is None else Moments.from_dict(part["scaling"])
        sizes = genome.n_inputs, genome.n_outputs, len(scaling.mean) if scaling else genome.n_inputs
        if sizes != (part["observations"], action.n_outputs, part["observations"]):
            raise ValueError("its observations and actions are not those of the network")
        return Champion(genome, str(part["environment"]), action, scaling, part["about"])
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise GenomeError(f"'control' of this genome file is damaged: {error}") from error


def _action_of(part: Mapping[str, Any]) -> ActionSpace:
    if part["rule"] == "argmax" and type(part["choices"]) is int and part["choices"] > 0:
        return ActionSpace(part["choices"])
    low, high = (tuple(map(float, part[name])) for name in ("low", "high"))
    if part["rule"] != "scaled" or len(low) != len(high) or not low or not np.isfinite([*low, *high]).all():
        raise ValueError("its actions are neither choices nor numbers within limits")
    return ActionSpace(0, low, high)

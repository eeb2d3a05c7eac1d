"""Control: environments, rollouts of whole populations in them, and the evolution of networks that act."""

from propneat.control.compiled import ENVIRONMENTS
from propneat.control.environment import ActionSpace, Environment

__all__ = ["ENVIRONMENTS", "ActionSpace", "Environment"]

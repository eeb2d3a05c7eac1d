"""Named errors: one sentence each, saying what was expected, what came and what to do."""

__all__ = [
    "CheckpointError",
    "ClusterError",
    "ConfigError",
    "DamagedCheckpointError",
    "DataError",
    "ExportError",
    "GenomeError",
    "PropneatError",
    "PropneatWarning",
    "RunError",
    "StoreError",
]


class PropneatError(ValueError):
    """Base of every error propneat raises on purpose; the command line shows its text and exits with `exit_code`."""

    exit_code = 2


class PropneatWarning(UserWarning):
    """What propneat decided for the person, or could not do; said once, and the command line shows its text."""


class GenomeError(PropneatError):
    """A genome, or a file that should hold one, breaks a rule of the genome format."""


class DataError(PropneatError):
    """A data set is missing, unreadable, or not usable for the task asked of it."""


class ConfigError(PropneatError):
    """An option or a configuration file holds a value that cannot be used."""


class ExportError(PropneatError):
    """An exported program does not keep to what was asked of it, or cannot be tried here."""

    exit_code = 1


class CheckpointError(PropneatError):
    """A run folder cannot be continued: its checkpoint is missing, or belongs to other options or data."""


class DamagedCheckpointError(CheckpointError):
    """A checkpoint cannot be read: it is damaged, or was not written by a run."""

    exit_code = 3


class ClusterError(PropneatError):
    """Work given to a cluster cannot be finished there: its workers or its scheduler are gone."""

    exit_code = 1


class StoreError(PropneatError):
    """A file of results cannot be read: it is damaged, or not what its name says."""

    exit_code = 3


class RunError(PropneatError):
    """A folder of results belongs to another kind of run than the one asked for, or another process is writing it."""

    exit_code = 4

"""Checkpoints: the whole state of a run between two generations, written at a cost that does not grow with those done.

What a generation replaces (genomes, species, counters) lies in an npz archive that is written anew, whole or not at all. What
a run only adds to (its history, its innovation numbers) lies in a journal beside it, to which each generation appends. The
archive says how much of the journal belongs to it and guards that by a checksum, so whatever a kill left behind it is ignored.
Nothing that is read is believed: `load_checkpoint` checks all of it, so that no file can lead compiled code astray.
"""

from propneat.run.checkpoint.archive import CHECKPOINT_SCHEMA
from propneat.run.checkpoint.files import CheckpointWriter, journal_of, load_checkpoint
from propneat.run.checkpoint.identity import check_identity

__all__ = ["CHECKPOINT_SCHEMA", "CheckpointWriter", "check_identity", "journal_of", "load_checkpoint"]

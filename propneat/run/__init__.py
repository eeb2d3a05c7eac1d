"""Runs: from settings to a folder with the champion, the history, pictures and a checkpoint to go on from."""

from propneat.run.folder import RunFolder, open_run_folder
from propneat.run.life import resume, start
from propneat.run.session import RunData, find_state, load_run_table, prepare_run, run, warm_up

__all__ = [
    "RunData",
    "RunFolder",
    "find_state",
    "load_run_table",
    "open_run_folder",
    "prepare_run",
    "resume",
    "run",
    "start",
    "warm_up",
]

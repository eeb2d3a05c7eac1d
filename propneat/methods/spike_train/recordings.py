"""Readers for the paper's recordings of spoken words, which are licensed and do not come with the package.

TI46 (LDC93S9) is read from its sound files, N-TIDIGITS (Anumula et al. 2018) from its HDF5 file of cochlea spikes. What is
assumed about their layout is said at each reader; neither collection was at hand, so the readers are tested on files of that
layout that the tests write.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import wavfile

from propneat.base.errors import DataError
from propneat.base.extras import need
from propneat.methods.spike_train.cochlea import hear
from propneat.methods.spike_train.tasks import Rates

__all__ = ["load_n_tidigits", "load_ti46", "read_sound", "single_digits"]

_N_SPHERE = 1024
_TI46_NAME = re.compile(r"([0-9a-z]{2})([fm][0-9a-z])set([0-9])\.wav", re.IGNORECASE)
_TIDIGITS_WORDS = "123456789oz"
_N_COCHLEA_CHANNELS = 64


def read_sound(path: Path) -> tuple[np.ndarray, float]:
    """Return a sound file's samples, shape (n_samples,), and its rate in Hz: a RIFF wav file, or NIST SPHERE with 16-bit PCM.

    Raises DataError for a file of neither kind, compressed, or of more than one channel.
    """
    content = path.read_bytes()
    if content[:7] == b"NIST_1A":
        return _read_sphere(path, content)
    try:
        rate, samples = wavfile.read(path)
    except ValueError as error:
        raise DataError(f"{path} should be a RIFF wav or a NIST SPHERE file, but: {error}") from error
    if samples.ndim != 1:
        raise DataError(f"{path} should hold one channel, it holds {samples.shape[1]}")
    return samples, float(rate)


def _read_sphere(path: Path, content: bytes) -> tuple[np.ndarray, float]:
    """Read a SPHERE file: a text header of as many bytes as its second line says, lines "name -type value", then samples."""
    lines = content[:_N_SPHERE].decode("ascii", "replace").split("\n")
    fields = {parts[0]: parts[2] for line in lines[2:] if len(parts := line.split(None, 2)) == 3}
    try:
        n_header, rate = int(lines[1]), float(fields["sample_rate"])
        order = {"01": "<i2", "10": ">i2"}[fields.get("sample_byte_format", "01").strip()]
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"{path} has a SPHERE header that lacks or garbles {error}") from error
    coding, n_channels = fields.get("sample_coding", "pcm").strip(), int(fields.get("channel_count", "1"))
    if coding != "pcm" or n_channels != 1 or int(fields.get("sample_n_bytes", "2")) != 2:
        raise DataError(f"{path} should hold one channel of 16-bit pcm, it holds {n_channels} of {coding}; convert it first")
    n_bytes = (len(content) - n_header) // 2 * 2
    return np.frombuffer(content[n_header : n_header + n_bytes], order), rate


def load_ti46(
    folder: Path, part: str, words: tuple[str, ...], n_channels: int = 78, n_frames: int = 100, frame_seconds: float = 0.016
) -> Rates:
    """Return TI46 utterances of the words given, as rates (n_rows, n_frames, n_channels) and the places of their words.

    Assumed: sound files below a folder named `part` ("train" or "test", in any case), named by two characters for the word
    ("00" to "09" are the digits), two for the speaker, "set", a digit, and ".wav". Utterances end in silence or are cut at
    `n_frames` frames of `frame_seconds`, by default the 200 samples at 12.5 kHz of the paper. Raises DataError where there
    are none.
    """
    found, labels = [], []
    for path in sorted(folder.rglob("*"), key=lambda path: path.as_posix().lower()):
        name = _TI46_NAME.fullmatch(path.name)
        parents = {parent.lower() for parent in path.relative_to(folder).parts[:-1]}
        if name and part.lower() in parents and name[1].lower() in words:
            heard = hear(*read_sound(path), n_channels, frame_seconds)[:n_frames]
            found.append(np.pad(heard, ((0, n_frames - len(heard)), (0, 0))))
            labels.append(words.index(name[1].lower()))
    if not found:
        raise DataError(f"{folder} should hold TI46 files such as {part}/f1/00f1set0.wav, none was found")
    return Rates(np.stack(found), np.array(labels))


def load_n_tidigits(path: Path, part: str, n_steps: int = 700, seconds: float = 1.4) -> tuple[np.ndarray, np.ndarray]:
    """Return single-digit utterances of N-TIDIGITS as trains, uint8 (n_rows, n_steps, 64), and labels 0 to 10.

    Raises ConfigError where h5py, which is an optional extra, is missing, and DataError for a file that is not HDF5; see
    `single_digits` for the layout assumed.
    """
    h5py = need("h5py", "reading N-TIDIGITS")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path} should be an N-TIDIGITS file in HDF5, but: {error}") from error
    with file:
        return single_digits(file, part, n_steps, seconds)


def single_digits(file: Mapping[str, Any], part: str, n_steps: int, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Return trains and labels as `load_n_tidigits` does, from an open file or any mapping of its layout.

    Assumed: "train_labels" (or "test_labels") lists names whose parts are divided by hyphens, the last but one being the
    spoken digits, each of 1 to 9, o or z, as in "man-ae-1-a"; "train_timestamps" and "train_addresses" map a name to the
    times in seconds and to the channels, 0 to 63, of its events. A step with one or more events of a channel is one spike;
    what comes after `seconds` is cut off. Raises DataError for another layout, or where there are no single digits.
    """
    missing = [key for key in (f"{part}_labels", f"{part}_timestamps", f"{part}_addresses") if key not in file]
    if missing:
        raise DataError(f"an N-TIDIGITS file should hold {missing[0]}, it does not")
    trains, labels = [], []
    for entry in file[f"{part}_labels"]:
        name = entry.decode() if isinstance(entry, bytes) else str(entry)
        pieces = name.split("-")
        if len(pieces) < 2 or len(pieces[-2]) != 1 or pieces[-2] not in _TIDIGITS_WORDS:
            continue
        times, channels = (np.asarray(file[f"{part}_{key}"][name]) for key in ("timestamps", "addresses"))
        if len(channels) and not (0 <= channels.min() and channels.max() < _N_COCHLEA_CHANNELS):
            raise DataError(f"channels of {name} should lie in 0 to {_N_COCHLEA_CHANNELS - 1}, not {channels.max()}")
        steps = np.floor(times / seconds * n_steps).astype(np.int64)
        inside = (steps >= 0) & (steps < n_steps)
        train = np.zeros((n_steps, _N_COCHLEA_CHANNELS), np.uint8)
        train[steps[inside], channels[inside].astype(np.int64)] = 1
        trains.append(train)
        labels.append(_TIDIGITS_WORDS.index(pieces[-2]))
    if not trains:
        raise DataError(f"an N-TIDIGITS file should hold single digits such as man-ae-1-a in {part}_labels, none was found")
    return np.stack(trains), np.array(labels)

"""Readers of recordings, on files of the licensed collections' layout that the tests write, and the cochlea."""

import sys

import h5py
import numpy as np
import pytest
from scipy.io import wavfile

from propneat.base.errors import ConfigError, DataError
from propneat.methods.spike_train.cochlea import channel_frequencies, hear
from propneat.methods.spike_train.recordings import load_n_tidigits, load_ti46, read_sound, single_digits

RATE = 12500


def tone(hertz: float, seconds: float = 0.4) -> np.ndarray:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def write_sphere(path, samples: np.ndarray, order: str = "01", **fields: str) -> None:
    """A NIST SPHERE file: a header of 1,024 bytes, then 16-bit samples."""
    lines = {
        "sample_rate": f"-i {RATE}", "channel_count": "-i 1", "sample_n_bytes": "-i 2", "sample_coding": "-s3 pcm",
        "sample_byte_format": f"-s2 {order}", "sample_count": f"-i {len(samples)}", **fields,
    }  # fmt: skip
    text = "NIST_1A\n   1024\n" + "".join(f"{name} {value}\n" for name, value in lines.items()) + "end_head\n"
    content = samples.astype("<i2" if order == "01" else ">i2").tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode().ljust(1024) + content)


@pytest.mark.parametrize("hertz", [200.0, 1000.0, 4000.0])
def test_a_tone_is_heard_where_its_frequency_is(hertz):
    heard = hear(tone(hertz), RATE, 78, 0.016)
    frequencies = channel_frequencies(78, RATE)
    assert heard.shape == (25, 78) and heard.dtype == np.float32 and heard.max() == 1 and heard.min() >= 0
    assert frequencies[heard[5:].mean(axis=0).argmax()] == pytest.approx(hertz, rel=0.1)
    assert (np.diff(frequencies) > 0).all() and frequencies[0] == pytest.approx(100) and frequencies[-1] < RATE / 2


def test_silence_is_not_heard_and_loudness_is_taken_out():
    assert not hear(np.zeros(5000), RATE, 10, 0.016).any()
    np.testing.assert_allclose(hear(tone(500) / 100, RATE, 10, 0.016), hear(tone(500), RATE, 10, 0.016), atol=1e-3)
    with pytest.raises(DataError, match="must last a frame"):
        hear(np.zeros(10), RATE, 10, 0.016)


@pytest.mark.parametrize("order", ["01", "10"])
def test_sphere_and_riff_files_hold_the_same_sound(tmp_path, order):
    samples = tone(700)
    write_sphere(tmp_path / "a.wav", samples, order)
    wavfile.write(tmp_path / "b.wav", RATE, samples)
    for name in ("a.wav", "b.wav"):
        read, rate = read_sound(tmp_path / name)
        assert rate == RATE
        np.testing.assert_array_equal(read, samples)


def test_sounds_that_cannot_be_read_are_named(tmp_path):
    path = tmp_path / "x.wav"
    for fields, match in (
        ({"sample_coding": "-s26 pcm,embedded-shorten-v2.00"}, "convert it first"),
        ({"channel_count": "-i 2"}, "holds 2 of pcm"),
        ({"sample_rate": "-i fast"}, "header"),
    ):
        write_sphere(path, tone(100), **fields)
        with pytest.raises(DataError, match=match):
            read_sound(path)
    path.write_bytes(b"not a sound file at all")
    with pytest.raises(DataError, match="RIFF wav or a NIST SPHERE"):
        read_sound(path)
    wavfile.write(path, RATE, np.stack([tone(100)] * 2, axis=1))
    with pytest.raises(DataError, match="one channel"):
        read_sound(path)


def test_ti46_files_are_found_by_part_and_word(tmp_path):
    for name, hertz in (("00f1set0", 300.0), ("01f1set0", 2000.0), ("01m2set3", 2000.0), ("ent1set0", 900.0)):
        write_sphere(tmp_path / "TI20" / "TRAIN" / "F1" / f"{name}.WAV", tone(hertz))
    wavfile.write(tmp_path / "TI20" / "TRAIN" / "readme.wav", RATE, tone(1.0))
    write_sphere(tmp_path / "TI20" / "TEST" / "F1" / "00F1SET5.WAV", tone(300.0, 3.0))
    train = load_ti46(tmp_path, "train", ("00", "01"))
    assert train.rates.shape == (3, 100, 78) and train.labels.tolist() == [0, 1, 1]
    assert train.rates[0, :25].any() and not train.rates[0, 25:].any()
    assert train.rates[0].sum(axis=0).argmax() < train.rates[1].sum(axis=0).argmax()
    test = load_ti46(tmp_path, "test", ("00", "01"))
    assert test.rates.shape == (1, 100, 78) and test.rates[0, -1].any()
    with pytest.raises(DataError, match="none was found"):
        load_ti46(tmp_path, "train", ("09",))


def make_digits() -> dict:
    names = ["man-ae-1-a", "man-ae-15-a", "woman-bc-o-b"]
    times = {names[0]: [0.0, 0.0011, 0.0019, 0.5], names[1]: [0.1], names[2]: [0.25, 0.999, 1.2]}
    channels = {names[0]: [3, 5, 5, 63], names[1]: [0], names[2]: [0, 1, 2]}
    return {
        "train_labels": [name.encode() for name in names],
        "train_timestamps": {k: np.array(v) for k, v in times.items()},
        "train_addresses": {k: np.array(v) for k, v in channels.items()},
    }


def test_single_digits_become_trains():
    trains, labels = single_digits(make_digits(), "train", 1000, 1.0)
    assert trains.shape == (2, 1000, 64) and labels.tolist() == [0, 9]
    assert np.argwhere(trains[0]).tolist() == [[0, 3], [1, 5], [500, 63]]
    assert np.argwhere(trains[1]).tolist() == [[250, 0], [999, 1]]


def test_single_digits_are_read_from_a_file(tmp_path):
    path = tmp_path / "n-tidigits.hdf5"
    with h5py.File(path, "w") as file:
        for name, part in make_digits().items():
            if isinstance(part, list):
                file[name] = np.array(part)
            else:
                for utterance, values in part.items():
                    file[f"{name}/{utterance}"] = values
    found, expected = load_n_tidigits(path, "train", 1000, 1.0), single_digits(make_digits(), "train", 1000, 1.0)
    for part, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(part, wanted)
    path.write_bytes(b"no such format")
    with pytest.raises(DataError, match="should be an N-TIDIGITS file in HDF5"):
        load_n_tidigits(path, "train")


def test_files_of_another_layout_are_refused():
    with pytest.raises(DataError, match="should hold test_labels"):
        single_digits(make_digits(), "test", 10, 1.0)
    wrong = make_digits()
    wrong["train_addresses"]["man-ae-1-a"] = np.array([3, 5, 5, 64])
    with pytest.raises(DataError, match="0 to 63, not 64"):
        single_digits(wrong, "train", 10, 1.0)
    with pytest.raises(DataError, match="none was found"):
        single_digits({**make_digits(), "train_labels": [b"man-ae-15-a"]}, "train", 10, 1.0)


def test_without_h5py_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match="needs the package h5py"):
        load_n_tidigits(tmp_path / "n-tidigits.hdf5", "train")

"""Configuration files: what is written is read back, and every mistake is named."""

import re
import tomllib
import typing
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propneat.base.errors import ConfigError
from propneat.base.setting_types import types_of
from propneat.estimators import PropNEATClassifier, PropNEATRegressor
from propneat.settings.control_config import ControlConfig
from propneat.settings.data import DataSettings
from propneat.settings.evolve_config import METHODS, EvolveConfig, default_config
from propneat.settings.fields import explain, notes_of, range_of, setting
from propneat.settings.file import Settings, format_settings, read_settings_file, resolve_settings, to_layer
from propneat.settings.notes import NOTES, OWNERS, SECTIONS, home_of

SET_BY_THE_LOOP = {"": {"evolution", "training"}, "data": set(), "evolution": {"direction"}, "training": {"loss"}}


def test_every_setting_has_a_note_and_every_note_a_setting():
    assert list(NOTES) == list(SECTIONS) == list(OWNERS)
    for section, owner in OWNERS.items():
        assert set(NOTES[section]) == {field.name for field in fields(owner)} - SET_BY_THE_LOOP[section]
    assert all("\n" not in note and note.endswith(".") for notes in NOTES.values() for note in notes.values())


def test_what_lies_beyond_a_range_is_refused_with_the_range_that_the_file_tells():
    bounded = 0
    for owner in (*OWNERS.values(), ControlConfig):
        for name, expected in types_of(owner).items():
            said = range_of(owner, name) if name in notes_of(owner) else ""
            values = [float(text) for text in re.findall(r"\d[\d.e+]*", said)]
            whole = int in getattr(expected, "__args__", (expected,))
            for value in (min(values) - 1, *([max(values) * 2] if len(values) > 1 else [])) if values else ():
                bounded += 1
                wrong = int(value) if whole else value
                with pytest.raises(ConfigError, match=re.escape(f"{said}, not {wrong!r}")):
                    owner(**({"env": "CartPole-v1"} if owner is ControlConfig else {}), **{name: wrong})
    assert bounded > 90
    with pytest.raises(ConfigError, match="target_fitness must be a finite number, not inf"):
        EvolveConfig(target_fitness=float("inf"))


def test_a_setting_is_no_setting_of_things_unknown():
    with pytest.raises(TypeError, match="a setting has no smallest"):
        setting(1, "A number.", smallest=0)
    with pytest.raises(KeyError):
        home_of("no_such_setting")


@pytest.mark.parametrize("method", METHODS)
def test_the_file_of_a_method_is_its_defaults_with_every_line_explained(tmp_path, method):
    wanted = Settings(evolve=default_config(method))
    text = format_settings(wanted)
    path = tmp_path / "propneat.toml"
    path.write_text(text)
    assert resolve_settings([read_settings_file(path)]) == wanted
    lines = text.splitlines()
    values = [number for number, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    assert len(values) == sum(map(len, NOTES.values()))
    assert all(lines[number - 1].startswith("# ") for number in values)


texts = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda text: text != "none")


@settings(max_examples=60, deadline=None)
@given(
    target=texts | st.none(),
    source=texts,
    size_penalty=st.floats(0, 1e300),
    seed=st.integers(0, 2**80),
    batch_size=st.integers(1, 10**9) | st.none(),
    learning_rate=st.floats(1e-300, 1e38),
    activations=st.lists(st.sampled_from(["tanh", "sin", "relu"]), min_size=1).map(tuple),
)
def test_any_settings_come_back_from_their_file(
    tmp_path_factory, target, source, size_penalty, seed, batch_size, learning_rate, activations
):
    base = default_config()
    evolution = replace(base.evolution, activations=activations)
    training = replace(base.training, batch_size=batch_size, learning_rate=learning_rate)
    evolve = replace(base, seed=seed, size_penalty=size_penalty, evolution=evolution, training=training)
    wanted = Settings(DataSettings(source=source, target=target), evolve)
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(format_settings(wanted).encode())
    assert resolve_settings([read_settings_file(path)]) == wanted
    assert resolve_settings([to_layer(wanted)]) == wanted
    assert tomllib.loads(format_settings(wanted))["data"]["source"] == source


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("generatons = 5", "unknown key 'generatons', did you mean 'generations'?"),
        ("[evolution]\npopulation = 5", "did you mean 'population_size'?"),
        ("[evolutoin]\nsurvival = 0.5", "did you mean 'evolution'?"),
        ("population_size = 5", "'population_size', which belongs in the table [evolution]"),
        ("[training]\nseed = 5", "'training.seed', which belongs above all tables"),
        ("[data]\nqqqqq = 5", "'data.qqqqq'; propneat init writes a file with all keys"),
        ("[evolution]\ndirection = 'minimise'", "unknown key 'evolution.direction'"),
        ("generations = 'ten'", "generations must be a whole number, not 'ten'"),
        ("generations = 10.0", "generations must be a whole number, not 10.0"),
        ("generations = true", "generations must be a whole number, not True"),
        ("write_back = 1", "write_back must be true or false, not 1"),
        ("loss = 3", 'loss must be a text or "none", not 3'),
        ("size_penalty = 'none'", "size_penalty must be a number, not 'none'"),
        ("[evolution]\nactivations = 'tanh'", "evolution.activations must be a list of texts, not 'tanh'"),
        ("[evolution]\nactivations = ['tanh', 3]", "must be a list of texts"),
        ("[training]\nbatch_size = 'all'", "batch_size must be 'auto', 'none' or 1 or more, not 'all'"),
        ("evolution = 3", "evolution must be a table [evolution], not 3"),
        ("[generations]\nx = 1", "generations must be a whole number, not {'x': 1}"),
        ("generations = ", "is not valid TOML"),
        ("generations = 1\ngenerations = 2", "is not valid TOML"),
        ("size_penalty = " + "9" * 400, "size_penalty must be a number"),
        ("generations = " + "9" * 5000, "is not valid TOML"),
        ("x = " + "[" * 100_000, "is not valid TOML"),
        ("# " + "x" * 2**20, "cannot be a configuration file"),
        ("generations = 0", "generations must be 1 or more, not 0"),
        ("size_penalty = nan", "size_penalty must be 0 or more, not nan"),
        ("[data]\ntest_fraction = 1.0", "test_fraction must be 0 or more and below 1"),
        ("[data]\nvalidation_fraction = 0.0", "validation_fraction must be above 0 and below 1, not 0.0"),
        ("[data]\nclass_weight = 'heavy'", "class_weight must be one of balanced, none, not 'heavy'"),
        ("[data]\none_hot_integers = -1", "one_hot_integers must be 0 or more"),
        ("method = 'hyperneat'", "method must be one of propneat, neat"),
    ],
)
def test_a_mistake_is_named_in_one_sentence(tmp_path, text, words):
    path = tmp_path / "propneat.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as found:
        resolve_settings([read_settings_file(path)])
    assert words in str(found.value)
    assert "\n" not in str(found.value)
    assert len(str(found.value)) < 700


def test_files_that_cannot_be_read_are_refused(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b"method = '\xe9'")
    for name, words in (("absent.toml", "cannot be read"), (".", "cannot be read"), ("latin.toml", "UTF-8")):
        with pytest.raises(ConfigError, match=words):
            read_settings_file(tmp_path / name)


def test_later_layers_come_before_earlier_ones_and_the_method_brings_its_defaults():
    first = {"method": "neat", "seed": 3, "evolution": {"survival": 0.5}}
    found = resolve_settings([first, {"seed": 4, "evolution": {"elitism": 2}}])
    neat = default_config("neat")
    assert found.evolve == replace(neat, seed=4, evolution=replace(neat.evolution, survival=0.5, elitism=2))
    assert resolve_settings([]) == Settings()


def test_none_overrules_a_default_that_is_not_none(tmp_path):
    path = tmp_path / "propneat.toml"
    path.write_text("[evolution]\ntarget_species = 'none'")
    assert default_config().evolution.target_species is not None
    assert resolve_settings([read_settings_file(path)]).evolve.evolution.target_species is None


def test_a_preset_stands_for_what_is_not_given(tmp_path):
    tiny, best = (resolve_settings([{"preset": preset}]).evolve for preset in ("tiny", "best"))
    assert tiny.generations < default_config().generations and tiny.populations == 1
    assert best.populations > 4 and best.generations == default_config().generations
    assert resolve_settings([{"preset": "best", "populations": 3}]).evolve == replace(best, populations=3)
    assert resolve_settings([{"preset": "tiny"}, {"preset": "default"}]).evolve == default_config()
    for wrong in ("huge", ["best"], None):
        with pytest.raises(ConfigError, match="preset"):
            resolve_settings([{"preset": wrong}])
    path = tmp_path / "tiny.toml"
    path.write_text(format_settings(Settings(evolve=tiny)))
    assert resolve_settings([read_settings_file(path)]).evolve == tiny


@pytest.mark.parametrize("estimator", [PropNEATClassifier, PropNEATRegressor])
def test_parameters_of_estimators_are_settings_of_the_same_types_and_repeat_no_default(estimator):
    hints, shared = typing.get_type_hints(estimator), 0
    own = {"class_weight", "evolution", "next_step", "random_state", "start", "verbose"}
    for entry in fields(estimator):
        if entry.name in own:
            continue
        shared += 1
        expected = types_of(OWNERS[home_of(entry.name)])[entry.name]
        assert hints[entry.name] in (expected, expected | None), entry.name
        assert entry.default is None or entry.default == EvolveConfig().method
        assert explain(OWNERS[home_of(entry.name)], entry.name).replace('"none"', "None") in estimator.__doc__
    assert shared > 40

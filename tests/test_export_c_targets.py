"""Exported C on chips: compiled for them, run on their emulators, and equal to the host to the bit in fixed point."""

import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from c_programs import STRICT, needs_compiler, random_models, table_of
from test_readme import a_table

from propneat.base.errors import ConfigError, ExportError
from propneat.data import load_table
from propneat.export.c_estimate import estimate_flash
from propneat.export.c_export import COptions, export_c
from propneat.export.c_targets import TARGETS, find_target, measure, missing_tools
from propneat.genome import ACTIVATIONS, AGGREGATIONS, NodeKind, make_genome
from propneat.model import Model, load_model

EXAMPLES = Path(__file__).parent.parent / "results" / "examples"
CHAMPION = EXAMPLES / "breast_cancer_wisconsin" / "champion.json"


def chips(*names: str) -> list[object]:
    """Return chips to test on; those whose tools are not installed are skipped in one sentence."""
    marked = []
    for name in names:
        absent = [tool for tools in missing_tools(TARGETS[name]) for tool in tools]
        skip = pytest.mark.skipif(bool(absent), reason=f"{name} needs {', '.join(absent)}, which is not installed")
        marked.append(pytest.param(name, marks=skip))
    return marked


def with_every_function(model: Model, first: int) -> Model:
    """Return a model whose nodes take all activations and aggregations in turn, from some place on."""
    nodes = model.genome.nodes.copy()
    free = nodes["kind"] != NodeKind.INPUT
    nodes["activation"][free] = (first + np.arange(free.sum())) % len(ACTIVATIONS)
    nodes["aggregation"][free] = (first + np.arange(free.sum())) % len(AGGREGATIONS)
    return replace(model, genome=make_genome(nodes.tolist(), model.genome.connections.tolist()))


EVERY = chips("avr", "cortex-m0", "cortex-m4", "riscv32")


@pytest.mark.parametrize("chip", EVERY)
def test_fixed_point_on_the_chip_is_numpy_to_the_bit(chip):
    rng = np.random.default_rng(22)
    frame = a_table(rng)
    seen: set[tuple[int, int]] = set()
    while {a for a, _ in seen} != set(range(len(ACTIVATIONS))) or {b for _, b in seen} != set(range(len(AGGREGATIONS))):
        models = [
            with_every_function(model, 5 * k) for k, model in enumerate(random_models(rng, 8, frame, scale=0.7, max_hidden=30))
        ]
        models = sorted(models, key=lambda model: model.plan.n_slots)[-4:-1]
        seen = {
            node
            for model in models
            for node in zip(model.plan.activation.tolist(), model.plan.aggregation.tolist(), strict=True)
        }
    for k, model in enumerate(models):
        made = export_c(model, COptions(numbers=("int16", "int8")[k % 2]), table_of(rng, 60))
        found = measure(TARGETS[chip], made.sources, "model", made.vectors)
        assert found.wrong == 0 and 4 <= found.rows <= len(made.vectors.codes)
        assert found.ram == 0 and found.flash > 0 and found.stack > 0 and found.cycles > 0


@pytest.mark.parametrize("chip", EVERY)
def test_the_example_is_small_and_fast_on_the_chip(chip):
    model, table = load_model(CHAMPION), load_table("breast_cancer_wisconsin").features
    small, exact = (export_c(model, COptions(numbers=numbers), table) for numbers in ("int16", "float32"))
    found, plain = (measure(TARGETS[chip], made.sources, "model", made.vectors) for made in (small, exact))
    assert found.wrong == plain.wrong == 0
    assert found.flash <= 1024 and found.flash < plain.flash / 2
    assert chip != "avr" or (found.cycles <= found.worst <= 8000 and found.cycles < plain.cycles)


@pytest.mark.parametrize("chip", chips("avr"))
def test_no_floating_point_is_linked(chip, tmp_path):
    made = export_c(load_model(CHAMPION), COptions(numbers="int16"))
    for name, text in made.sources.items():
        (tmp_path / name).write_text(text)
    subprocess.run(["avr-gcc", "-std=c99", *STRICT, "-Os", "-mmcu=atmega328p", "-c", "model.c"], cwd=tmp_path, check=True)
    called = subprocess.run(
        ["avr-nm", "-u", "model.o"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "__udivmodsi4" in called and not [name for name in called if re.search("sf|float|exp", name)]


@pytest.mark.parametrize("chip", chips("avr"))
def test_a_model_that_does_not_fit_and_wrong_answers_are_said(run, folder, chip):
    rng = np.random.default_rng(4)
    model = random_models(rng, 1, a_table(rng))[0]
    made = export_c(model, COptions(numbers="int16"))
    spoiled = made.sources | {
        "model.c": made.sources["model.c"] + "const char ballast[70000] = {1};\nvolatile const char *kept = ballast;\n"
    }
    with pytest.raises(ExportError, match="does not compile the model for avr"):
        measure(TARGETS["avr"], spoiled, "model", made.vectors)
    other = made.sources | {"model.c": re.sub(r"return (best|yes|0);", "return 7;", made.sources["model.c"])}
    assert measure(TARGETS["avr"], other, "model", made.vectors).wrong == len(made.vectors.codes)


@needs_compiler
@pytest.mark.parametrize("numbers", ["float32", "int16"])
def test_the_self_test_passes_alone_and_finds_what_is_wrong(run, folder, numbers):
    rng = np.random.default_rng(6)
    for k, model in enumerate(random_models(rng, 3, a_table(rng), scale=0.5)):
        model.save("champion.json")
        code, out, err = run(
            "export", "champion.json", "--to", "c", "--numbers", numbers, "--with-test", "--name", f"m{k}", "--out", f"made{k}"
        )
        assert (code, out) == (0, ""), err
        place = folder / f"made{k}"
        build = ["gcc", "-std=c99", *STRICT, "-fsanitize=address,undefined", f"m{k}.c", f"m{k}_test.c", "-lm", "-o", "self"]
        subprocess.run(build, cwd=place, check=True)
        told = subprocess.run([place / "self"], capture_output=True, text=True, check=True).stdout
        assert re.fullmatch(rf"m{k}: 0 of \d+ rows differ\n", told)
        texts = (place / f"m{k}_test.c").read_text()
        (place / f"m{k}_test.c").write_text(re.sub(r"(codes\[\d+\] = \{\n *)\d+", r"\g<1>99", texts))
        subprocess.run(build, cwd=place, check=True)
        assert subprocess.run([place / "self"], capture_output=True, text=True, check=False).stdout.startswith(f"m{k}: 1 of ")


@pytest.mark.skipif(shutil.which("cmake") is None or shutil.which("gcc") is None, reason="there is no cmake with a C compiler")
def test_cmake_builds_and_tests_it(run, folder):
    (folder / "champion.json").write_text(load_model(CHAMPION).to_json())
    assert run("export", "champion.json", "--to", "c", "--with-test", "--out", "made")[0] == 0
    for command in (["cmake", "-S", "made", "-B", "build"], ["cmake", "--build", "build"], ["ctest", "--test-dir", "build"]):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "100% tests passed" in done.stdout


@pytest.mark.parametrize("numbers", ["float32", "int8"])
def test_the_arduino_library_has_its_layout(run, folder, numbers):
    rng = np.random.default_rng(7)
    random_models(rng, 1, a_table(rng))[0].save("champion.json")
    run_twice = [
        run("export", "champion.json", "--to", "c", "--arduino", "--numbers", numbers, "--name", "valve", "--out", name)
        for name in ("a", "b")
    ]
    assert [code for code, _, _ in run_twice] == [0, 0]
    files = {str(path.relative_to("a")): path.read_bytes() for path in Path("a").rglob("*") if path.is_file()}
    assert set(files) == {
        "library.properties",
        "src/valve.h",
        "src/valve.c",
        "examples/valve_example/valve_example.ino",
        "valve.zip",
    }
    assert files == {str(path.relative_to("b")): path.read_bytes() for path in Path("b").rglob("*") if path.is_file()}
    with zipfile.ZipFile("a/valve.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            f"valve/{name}": data for name, data in files.items() if name != "valve.zip"
        }
    keys = [line.split("=")[0] for line in files["library.properties"].decode().splitlines()]
    assert {"name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url", "architectures"} <= set(keys)
    if shutil.which("g++"):
        sketch = "#include <cmath>\nstruct { void begin(long) {} template <class T> void println(T) {} } Serial; void delay(int) {}\n"
        (folder / "sketch.cpp").write_text(
            sketch
            + files["examples/valve_example/valve_example.ino"].decode().replace("<valve.h>", '"a/src/valve.h"')
            + "int main() { setup(); loop(); }\n"
        )
        (folder / "valve.c").write_text('#include "a/src/valve.c"\n')
        subprocess.run(["gcc", "-Ia/src", "-c", "valve.c"], check=True)
        subprocess.run(
            ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "sketch.cpp", "valve.o", "-o", "sketch"], check=True
        )
        subprocess.run(["./sketch"], check=True)


@needs_compiler
def test_the_command_prints_a_table_and_says_what_is_an_estimate(run, folder, monkeypatch):
    rng = np.random.default_rng(8)
    random_models(rng, 1, a_table(rng), scale=0.5)[0].save("champion.json")
    code, out, err = run("export", "champion.json", "--to", "c", "--numbers", "int16", "--target", "host", "--out", "made")
    lines = out.splitlines()
    assert code == 0 and lines[0].split() == ["target", "chip", "numbers", "flash", "RAM", "stack", "time", "answers"]
    assert re.match(r"host +this machine +int16 +\d+ +\d+ +\d+ +- +(\d+) of \1 as expected", lines[1])
    found = shutil.which
    monkeypatch.setattr("propneat.export.c_targets.shutil.which", lambda tool: None if tool == "avr-gcc" else found(tool))
    code, out, err = run("export", "champion.json", "--to", "c", "--numbers", "int16", "--target", "avr", "--out", "made")
    assert code == 0 and "avr-gcc is not installed, so its flash is an estimate" in err and " about " in out
    code, out, err = run("export", "champion.json", "--to", "c", "--target", "z80", "--out", "none")
    assert (code, out) == (2, "") and "target must be one of avr, cortex-m0" in err and not (folder / "none").exists()
    with pytest.raises(ConfigError):
        find_target("")


def champions(number: int) -> list[Path]:
    """Return five champions of data sets of PMLB, others for each number."""
    return sorted((EXAMPLES / "c_export" / "champions").glob("*.json"))[number:20:4]


@pytest.mark.parametrize("chip", EVERY)
def test_real_champions_answer_on_the_chip_as_on_the_host_and_take_what_is_estimated(chip):
    names = champions(list(TARGETS).index(chip))
    assert len(names) == 5
    for k, path in enumerate(names):
        made = export_c(load_model(path), COptions(numbers="float32" if k == 4 else "int16"))
        found = measure(TARGETS[chip], made.sources, "model", made.vectors)
        assert found.wrong == 0 and found.rows >= 4, path.stem
        assert found.flash / 1.5 < estimate_flash(made.sources["model.c"], chip) < 1.5 * found.flash, path.stem


@pytest.mark.parametrize(
    "options", [{"single_header": True, "with_test": True}, {"arduino": True, "with_test": True}, {"numbers": "int4"}]
)
def test_options_that_do_not_fit_are_refused(options):
    with pytest.raises(ConfigError):
        COptions(**options)

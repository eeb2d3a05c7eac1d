"""What surrounds exported C in a project: an Arduino library with an example, and a build file for CMake and Zephyr."""

import io
import zipfile

from propneat import __version__
from propneat.export.c_columns import Layout
from propneat.export.c_header import card_lines
from propneat.export.c_names import comment
from propneat.model import Model

__all__ = ["arduino_files", "cmake_text", "zipped"]

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def arduino_files(files: dict[str, str], model: Model, layout: Layout, prefix: str, numbers: str) -> dict[str, str]:
    """Return an Arduino library by the names of its files: the sources, library.properties, and an example sketch."""
    card = " ".join(line for line in card_lines(model) if line)
    properties = {
        "name": prefix,
        "version": "1.0.0",
        "author": f"propneat {__version__}",
        "maintainer": "propneat",
        "sentence": f"A small neural network, {numbers}.",
        "paragraph": card,
        "category": "Data Processing",
        "url": "https://arxiv.org/abs/2411.03726",
        "architectures": "*",
        "includes": f"{prefix}.h",
    }
    lines = "".join(f"{key}={value}\n" for key, value in properties.items())
    sources = {f"src/{name}": text for name, text in files.items()}
    return {
        "library.properties": lines,
        **sources,
        f"examples/{prefix}_example/{prefix}_example.ino": _sketch(model, layout, prefix, numbers),
    }


def _sketch(model: Model, layout: Layout, prefix: str, numbers: str) -> str:
    upper = prefix.upper()
    kind, gap = ("float", "NAN") if numbers == "float32" else ("int32_t", f"{upper}_MISSING")
    filled = [
        f"  x[{upper}_{column.name}] = {_guess(column, upper, numbers, gap)};  // {comment(column.title)}"
        for column in layout.columns
    ]
    if model.task == "regression":
        said = [
            "  Serial.println(out[0]);"
            if numbers == "float32"
            else f"  Serial.println(ldexp((double)out[0], -{upper}_OUT_BITS));"
        ]
    else:
        said = [f"  Serial.println({prefix}_class_name(answer));"]
    return "\n".join([
        f"#include <{prefix}.h>",
        "",
        "void setup() { Serial.begin(9600); }",
        "",
        "void loop() {",
        f"  {kind} x[{upper}_COLUMNS + 1], out[{upper}_OUTPUTS];",
        "  // Put in what your sensors say; here everything is missing.",
        *filled,
        f"  int answer = {prefix}_predict(x, out);",
        "  (void)answer;",
        *said,
        "  delay(1000);",
        "}",
        "",
    ])  # fmt: skip


def _guess(column: object, upper: str, numbers: str, gap: str) -> str:
    return f"{upper}_{column.name}_MISSING" if column.is_text and numbers == "float32" else gap


def cmake_text(prefix: str, numbers: str) -> str:
    """Return a CMakeLists.txt: a library with its test, or as a folder of a Zephyr application that library alone."""
    maths = f"target_link_libraries({prefix} PUBLIC m)\n" if numbers == "float32" else ""
    return f"""# add_subdirectory() of this folder gives the library {prefix}, in CMake and in a Zephyr application.
if(COMMAND zephyr_library_named)
  zephyr_library_named({prefix})
  zephyr_library_sources({prefix}.c)
  zephyr_include_directories(.)
  return()
endif()
cmake_minimum_required(VERSION 3.13)
project({prefix} C)
add_library({prefix} {prefix}.c)
target_include_directories({prefix} PUBLIC ${{CMAKE_CURRENT_SOURCE_DIR}})
{maths}enable_testing()
add_executable({prefix}_test {prefix}_test.c)
target_link_libraries({prefix}_test {prefix})
add_test(NAME {prefix} COMMAND {prefix}_test)
"""


def zipped(files: dict[str, str], folder: str) -> bytes:
    """Return files in a folder of a zip archive; the same files give the same bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}", _FIRST_DAY)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return held.getvalue()

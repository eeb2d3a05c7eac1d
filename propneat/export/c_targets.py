"""What a model needs on a chip: compiled for it, and run on its emulator, as far as these are installed."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from propneat.base.errors import ConfigError, ExportError
from propneat.export import c_firmware as firmware
from propneat.export.c_selftest import Vectors, test_text

__all__ = ["TARGETS", "Measured", "Target", "find_target", "measure", "missing_tools"]

_SECONDS = 120


@dataclass(frozen=True)
class Target:
    """A chip: its compiler, the tool that says sizes, and the command of its emulator.

    `memory` says where flash begins and how large it is, and the same of RAM; None where the compiler knows. `tick` are the
    instructions that the emulator runs in a tick of its clock.
    """

    name: str
    what: str
    compiler: str
    flags: tuple[str, ...]
    size: str
    emulator: tuple[str, ...] = ()
    link: tuple[str, ...] = ()
    memory: tuple[str, str, str, str] | None = None
    tick: float = 0.0

    @property
    def counts(self) -> str:
        """What the emulator counts: QEMU knows no cycles."""
        return "cycles" if self.name == "avr" else "instructions"


_BARE = ("-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections")
_CORTEX = ("-mthumb", "-ffreestanding", *_BARE)
_QEMU = (
    "-nographic",
    "-monitor",
    "none",
    "-serial",
    "none",
    "-semihosting-config",
    "enable=on,target=native",
    "-icount",
    "shift=0",
)

TARGETS = {
    target.name: target
    for target in (
        Target("avr", "ATmega328P at 16 MHz", "avr-gcc", ("-mmcu=atmega328p", "-DF_CPU=16000000UL", "-mrelax", "-flto", *_BARE), "avr-size",
               ("simavr", "-m", "atmega328p", "-f", "16000000")),
        Target("cortex-m0", "ARM Cortex-M0", "arm-none-eabi-gcc", ("-mcpu=cortex-m0", *_CORTEX), "arm-none-eabi-size",
               ("qemu-system-arm", *_QEMU, "-M", "microbit", "-kernel"), ("-nostartfiles", "--specs=nosys.specs"),
               ("0", "256K", "0x20000000", "16K"), 62.5),
        Target("cortex-m4", "ARM Cortex-M4F", "arm-none-eabi-gcc",
               ("-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", *_CORTEX), "arm-none-eabi-size",
               ("qemu-system-arm", *_QEMU, "-M", "mps2-an386", "-kernel"), ("-nostartfiles", "--specs=nosys.specs"),
               ("0", "512K", "0x20000000", "64K"), 40.0),
        Target("riscv32", "RISC-V RV32IMAC", "riscv64-unknown-elf-gcc",
               ("-march=rv32imac", "-misa-spec=2.2", "-mabi=ilp32", "--specs=picolibc.specs", "-ffreestanding", *_BARE), "riscv64-unknown-elf-size",
               ("qemu-system-riscv32", *_QEMU, "-M", "virt", "-bios", "none", "-kernel"), ("-nostartfiles",),
               ("0x80000000", "256K", "0x80100000", "64K"), 1.0),
        Target("host", "this machine", "gcc", _BARE, "size"),
    )
}  # fmt: skip
"""The chips that can be asked for."""


_TOO_LARGE = ("overflow", "will not fit", "is not within region")
"""What linkers say of a program that a chip has no room for."""


@dataclass(frozen=True)
class Measured:
    """What a model needs beyond a program that does nothing: bytes of `flash`, `ram` (static) and `stack` (of its functions).

    `rows` were answered on the emulator (or the host), `wrong` of them not as expected; `cycles` is their mean and `worst` the
    most; of emulators other than AVR's `cycles` counts instructions. None is what could not be tried here.
    """

    target: str
    flash: int
    ram: int
    stack: int | None
    rows: int | None = None
    wrong: int | None = None
    cycles: float | None = None
    worst: int | None = None


def find_target(name: str) -> Target:
    """Return a chip by its name; raises ConfigError for one that is not known."""
    if name not in TARGETS:
        raise ConfigError(f"target must be one of {', '.join(TARGETS)}, not {name!r}")
    return TARGETS[name]


def missing_tools(target: Target) -> tuple[list[str], list[str]]:
    """Return the programs that are not installed: those without which nothing can be compiled, and the emulator."""
    needed = [tool for tool in (target.compiler, target.size) if shutil.which(tool) is None]
    return needed, [tool for tool in target.emulator[:1] if shutil.which(tool) is None]


def measure(target: Target, files: dict[str, str], prefix: str, vectors: Vectors) -> Measured:
    """Compile a model for a chip, and run its self-test on the emulator where there is one.

    Raises ExportError, with what the compiler said, when it does not compile or fit.
    """
    with TemporaryDirectory(prefix="propneat-") as folder:
        place = Path(folder)
        texts = {
            **files,
            "size_main.c": firmware.size_main(prefix, vectors.number),
            "stub.c": firmware.stub(prefix, vectors.number),
        }
        texts |= _run_texts(target, prefix) | {f"{prefix}_test.c": test_text(vectors, prefix)}
        for name, text in texts.items():
            (place / name).write_text(text)
        _compile(target, place, [f"{prefix}.c", "size_main.c"], "model.elf")
        _compile(target, place, ["stub.c", "size_main.c"], "stub.elf")
        _run([target.compiler, "-std=gnu99", "-Os", *target.flags, "-fno-lto", "-fstack-usage", "-c", f"{prefix}.c"], place)
        (text, data, bss), (stub_text, stub_data, stub_bss) = (
            _sizes(target, place, name) for name in ("model.elf", "stub.elf")
        )
        stack = _stack(place)
        found = Measured(target.name, text + data - stub_text - stub_data, data + bss - stub_data - stub_bss, stack)
        if target.name == "host":
            return _run_host(target, place, prefix, found, len(vectors.codes))
        if missing_tools(target)[1]:
            return found
        return _run_emulated(target, place, prefix, found, vectors)


def _run_texts(target: Target, prefix: str) -> dict[str, str]:
    texts = {"clock.h": firmware.CLOCK_HEADER.format(upper=prefix.upper())}
    if target.name == "avr":
        return texts | {"run_main.c": firmware.AVR_MAIN.format(prefix=prefix)}
    if target.memory is not None:
        is_arm = target.name.startswith("cortex")
        texts["chip.ld"] = firmware.LINKER_SCRIPT.format(
            **dict(zip(("flash_at", "flash", "ram_at", "ram"), target.memory, strict=True))
        )
        texts["start.c"] = firmware.start_text(is_arm, "-mfloat-abi=hard" in target.flags)
        texts["run_main.c"] = firmware.run_text(prefix, is_arm)
    return texts


def _compile(target: Target, place: Path, sources: list[str], out: str, more: list[str] | None = None) -> None:
    script = ["-T", "chip.ld", "start.c"] if target.memory is not None else []
    command = [
        target.compiler,
        "-std=gnu99",
        "-Os",
        *target.flags,
        *(more or []),
        *target.link,
        *script,
        *sources,
        "-lm",
        "-o",
        out,
    ]
    done = _run(command, place)
    if done.returncode:
        said = next(
            (line for line in done.stderr.splitlines() if "error" in line or any(words in line for words in _TOO_LARGE)),
            done.stderr[:200],
        )
        raise ExportError(f"{target.compiler} does not compile the model for {target.name}: {said.strip()}")


def _run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run a tool; raises ExportError when it does not end."""
    try:
        return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise ExportError(f"{command[0]} does not end within {_SECONDS} seconds") from error


def _sizes(target: Target, place: Path, name: str) -> tuple[int, int, int]:
    """Return the bytes of text, data and bss."""
    text, data, bss = _run([target.size, name], place).stdout.splitlines()[1].split()[:3]
    return int(text), int(data), int(bss)


def _stack(place: Path) -> int | None:
    """Return the stack of NAME_predict and of the deepest helper below it, without those of the C library."""
    found = [line.split("\t") for path in place.glob("*.su") for line in path.read_text().splitlines()]
    sizes = {name.rsplit(":", 1)[1]: int(size) for name, size, _ in found}
    own = max((size for name, size in sizes.items() if name.endswith("_predict")), default=None)
    helpers = [size for name, size in sizes.items() if not name.endswith(("_predict", "main", "start"))]
    return None if own is None else own + max(helpers, default=0)


def _run_emulated(target: Target, place: Path, prefix: str, found: Measured, vectors: Vectors) -> Measured:
    """Run as many rows of the self-test as fit beside the model; where not even the last four do, none."""
    more = [f"-D{prefix.upper()}_TEST_NO_MAIN", "-include", "clock.h"]
    while True:
        (place / f"{prefix}_test.c").write_text(test_text(vectors, prefix))
        try:
            _compile(target, place, [f"{prefix}.c", f"{prefix}_test.c", "run_main.c"], "run.elf", more)
            break
        except ExportError as error:
            if not any(words in str(error) for words in _TOO_LARGE):
                raise
            if len(vectors.codes) <= 4:
                return found
            vectors = vectors.last(max(4, len(vectors.codes) // 2))
    done = _run([*target.emulator, "run.elf"], place)
    numbers = re.search(r"(\d+) (\d+) (\d+) (\d+) ", done.stdout + done.stderr)
    if numbers is None:
        raise ExportError(f"{target.emulator[0]} ended without an answer: {(done.stdout + done.stderr)[-200:].strip()}")
    wrong, rows, first, second = map(int, numbers.groups())
    if target.name == "avr":
        return Measured(found.target, found.flash, found.ram, found.stack, rows, wrong, first, second)
    ticks = first / rows - second / 1000
    return Measured(
        found.target, found.flash, found.ram, found.stack, rows // firmware.ROUNDS, wrong, round(ticks * target.tick)
    )


def _run_host(target: Target, place: Path, prefix: str, found: Measured, rows: int) -> Measured:
    _compile(target, place, [f"{prefix}.c", f"{prefix}_test.c"], "run.elf")
    told = _run([str(place / "run.elf")], place).stdout
    return Measured(found.target, found.flash, found.ram, found.stack, rows, int(re.search(r": (\d+) of", told)[1]))

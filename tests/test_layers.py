"""Imports point down, heavy libraries load when they are used, and the package list is the tree."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import networkx as nx
import pytest

import propneat

ROOT = Path(__file__).resolve().parent.parent
ROWS = (
    {"base"},
    {"genome", "stats"},
    {"settings"},
    {"compiler"},
    {"evolution", "recompute"},
    {"training"},
    {"data"},
    {"formula"},
    {"search"},
    {"model"},
    {"control", "estimators"},
    {"export", "methods", "report"},
    {"benchmark", "run"},
    {"cli"},
    {"__main__"},
)
ROW_OF = {part: number for number, row in enumerate(ROWS) for part in row}
TORCH_MODULES = {
    "propneat.compiler.network",
    "propneat.compiler.recurrent_network",
    "propneat.recompute.budget",
    "propneat.recompute.meter",
    "propneat.recompute.running",
    "propneat.recompute.tracing",
    "propneat.recompute.training",
    "propneat.training.devices",
    "propneat.training.layered_engine",
    "propneat.training.naive_engine",
    "propneat.training.padded_engine",
    "propneat.training.population_loop",
    "propneat.training.torch_loop",
    "propneat.training.triton_engine",
}


def module_files() -> dict[str, Path]:
    """Every module of the package by its name."""
    files = {}
    for folder, prefix in ((ROOT / "propneat", ("propneat",)), (ROOT / "cli", ("propneat", "cli"))):
        for path in folder.rglob("*.py"):
            parts = [*prefix, *path.relative_to(folder).with_suffix("").parts]
            files[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return files


FILES = module_files()


def imported(statement: ast.stmt) -> Iterator[str]:
    """Names of the modules a statement imports; `from package import module` names the module."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom):
        assert statement.level == 0, "imports are absolute"
        for alias in statement.names:
            name = f"{statement.module}.{alias.name}"
            yield name if name in FILES else str(statement.module)


def all_imports(module: str) -> set[str]:
    """Everything a module imports, inside functions too."""
    return {name for node in ast.walk(ast.parse(FILES[module].read_text())) for name in imported(node)}


def imports_on_load(module: str) -> set[str]:
    """What is imported when the module is: statements outside functions and type-checking blocks."""
    names, waiting = set(), [ast.parse(FILES[module].read_text())]
    for node in waiting:
        names.update(imported(node))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))
    return names


def part_of(module: str) -> str | None:
    """The row entry a module belongs to; None for the bare package, which holds the version and imports nothing."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


@pytest.mark.parametrize("module", sorted(FILES))
def test_imports_point_down(module):
    own = part_of(module)
    if own is None:
        assert not any(name.startswith("propneat") for name in all_imports(module))
        return
    assert own in ROW_OF, f"{module} has no row: give it one"
    for name in all_imports(module):
        other = part_of(name) if name.split(".")[0] == "propneat" else None
        if other is not None and other != own:
            assert ROW_OF[other] < ROW_OF[own], f"{module} imports {name}"


def test_no_module_imports_itself_round_a_corner():
    graph = nx.DiGraph((module, name) for module in FILES for name in all_imports(module) if name in FILES and name != module)
    assert list(nx.simple_cycles(graph)) == []


def test_torch_and_networkx_load_in_their_own_files_alone():
    for module in FILES:
        tops = {name.split(".")[0] for name in imports_on_load(module)}
        in_a_room = module.startswith("propneat.methods.") and module.count(".") == 3
        assert "torch" not in tops or module in TORCH_MODULES or in_a_room
        assert "networkx" not in tops or module == "propneat.genome.graph_form"
        if module.startswith("propneat.cli"):
            assert not tops & {"numpy", "numba", "pandas", "sklearn", "matplotlib", "scipy"}


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("propneat", "torch sklearn pandas matplotlib networkx scipy numba numpy"),
        ("propneat.cli.main", "torch sklearn pandas matplotlib networkx scipy numba numpy"),
        ("propneat.cli.evolve_options", "torch sklearn pandas matplotlib networkx scipy numba numpy"),
        ("propneat.search", "torch sklearn pandas matplotlib networkx"),
        ("propneat.methods", "torch matplotlib"),
        ("propneat.methods.natives", "torch matplotlib"),
    ],
)
def test_light_modules_load_nothing_heavy(module, absent):
    script = f"import sys, {module}; print(*sorted(set({absent.split()}) & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


def test_every_public_name_is_there():
    for name in propneat.__all__:
        assert getattr(propneat, name) is not None
    assert set(propneat.__all__) <= set(dir(propneat))
    with pytest.raises(AttributeError, match="no attribute 'NoSuchName'"):
        _ = propneat.NoSuchName


def test_rooms_of_papers_do_not_know_each_other():
    for module in FILES:
        own = module.split(".")[2:3] if module.startswith("propneat.methods.") and module.count(".") == 3 else None
        others = {
            name.split(".")[2] for name in all_imports(module) if name.startswith("propneat.methods.") and name.count(".") == 3
        }
        assert own is None or others <= set(own), module


def test_the_table_of_the_architecture_says_the_same():
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text()
    lines = re.findall(r"^\| (\d+) \| `(\w+)/` ", page, re.MULTILINE)
    assert {name: int(number) for number, name in lines} == {part: row for part, row in ROW_OF.items() if part != "__main__"}


def test_the_packages_found_are_the_tree(tmp_path):
    shutil.copytree(ROOT / "propneat", tmp_path / "propneat", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "cli", tmp_path / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("README.md", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, tmp_path)
    command = [sys.executable, "setup.py", "-q", "build_py", "--build-lib", "built"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    built = {path.relative_to(tmp_path / "built") for path in (tmp_path / "built").rglob("*") if path.is_file()}
    files = {path.relative_to(tmp_path) for path in (tmp_path / "propneat").rglob("*") if path.is_file()}
    files |= {Path("propneat") / path.relative_to(tmp_path) for path in (tmp_path / "cli").rglob("*") if path.is_file()}
    assert built == files

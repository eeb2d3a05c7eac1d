"""The documentation: it builds, its links and pictures are there, and the commands that it names exist."""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from propneat import __version__
from propneat.cli.main import propneat

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "results/README.md", ROOT / "datasets/README.md"])
NAMES = [path.relative_to(ROOT).as_posix() for path in PAGES]
MADE = ("CHANGELOG.md", "CONTRIBUTING.md")
"""Pages that stand at the top of the repository."""


def anchors(text: str) -> set[str]:
    """What links to the sections of a page end with."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


def commands_of(text: str) -> list[list[str]]:
    """The calls of propneat in blocks of a page, as words, without what follows them in the shell."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    shown = "\n".join(block for language, block in blocks if language in ("", "sh"))
    calls = re.findall(r"(?:^|^\$ |&& |; )(?:\.venv/bin/)?propneat (\w[^#&|;\n]*)", shown, re.MULTILINE)
    return [shlex.split(call) for call in calls]


@pytest.mark.parametrize("name", NAMES)
def test_links_and_pictures_are_there(name):
    text = re.sub(r"```.*?```", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        path = (ROOT / name).parent / file if file else ROOT / name
        assert path.exists(), f"{name} links to {target}"
        assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), f"{name} links to {target}"


@pytest.mark.parametrize("name", NAMES)
def test_commands_and_options_exist(name):
    for words in commands_of((ROOT / name).read_text(encoding="utf-8")):
        command, context = propneat, click.Context(propneat)
        rest = list(words)
        while isinstance(command, click.Group) and rest and re.fullmatch(r"[a-z-]+", rest[0]) and rest[0][0] != "-":
            found = command.get_command(context, rest.pop(0))
            assert found, f"{name}: propneat {shlex.join(words)}"
            command = found
        options = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)}
        asked = {word.split("=")[0] for word in rest if re.match(r"--\w", word)}
        assert asked <= {*options, "--help"}, f"{name}: propneat {shlex.join(words)}"


def test_commands_are_found_in_the_pages():
    found = [words for name in NAMES for words in commands_of((ROOT / name).read_text(encoding="utf-8"))]
    assert len(found) >= 40 and {words[0] for words in found} >= {"evolve", "predict", "pick", "show", "export", "benchmark"}


def test_the_readme_is_for_one_sitting():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) < 200
    assert next(line for line in lines if line.endswith("-m pytest")).startswith("python3 -m venv")


def test_every_claim_of_a_paper_has_a_verdict_and_the_readme_counts_them():
    words = {"reproduced": "reproduced", "remark": "with a remark", "fails": "fail", "impossible": "cannot be reproduced"}
    text = (ROOT / "docs/papers.md").read_text(encoding="utf-8")
    # tables of claims are those that end with a column of verdicts
    tables = re.findall(r"^\|.*\| verdict \|\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    verdicts = [row.split("|")[-2].strip() for table in tables for row in table.splitlines()]
    assert len(tables) == text.count("verdict |\n") and set(verdicts) <= set(words)
    counts = ", ".join(f"{verdicts.count(word)} {said}" for word, said in words.items())
    assert f"{len(verdicts)} claims: {counts} (" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_files_people_look_for_say_what_the_package_says():
    citation, license = ((ROOT / name).read_text(encoding="utf-8") for name in ("CITATION.cff", "LICENSE"))
    assert f"\nversion: {__version__}\n" in citation and "\nlicense: MIT\n" in citation and "2411.03726" in citation
    assert license.startswith("MIT License\n") and "The propneat authors" in license
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_site_builds_without_a_warning(tmp_path):
    if find_spec("mkdocs") is None or find_spec("mkdocstrings") is None:
        pytest.skip("mkdocs is not installed: pip install '.[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=quiet)
    assert told.returncode == 0, told.stdout + told.stderr
    made = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    pages |= {Path(name).stem.lower() for name in MADE}
    wanted = {f"{page.removesuffix('index')}".strip("/") for page in pages}
    assert {f"{page}/index.html".lstrip("/") for page in wanted} <= made
    assert "--populations" in (tmp_path / "site/reference/commands/index.html").read_text()
    assert "size_penalty" in (tmp_path / "site/reference/settings/index.html").read_text()
    estimators = (tmp_path / "site/reference/api/estimators/index.html").read_text()
    assert "PropNEATClassifier.pick_network" in estimators and "<code>max_levels</code>" in estimators
    assert (tmp_path / "site/results/examples/breast_cancer_wisconsin/network.svg").is_file()

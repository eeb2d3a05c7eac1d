"""What mkdocs cannot do by itself: pictures beside the pages, and pages that the program's own texts make.

`<!-- commands -->` becomes the help of every command, `<!-- settings -->` every setting with its default, and
`<!-- parameters -->` the parameters of the estimators, so that each of them is written once, in the code.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from mkdocs.structure.files import File, Files

_ROOT = Path(__file__).parent.parent
_PICTURES = "results/examples"
_BESIDE = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}


def on_files(files: Files, config: Any) -> Files:
    """Add the pictures of the examples under the path they have in the repository, and the pages at its top."""
    pictures = [path for path in sorted((_ROOT / _PICTURES).rglob("*")) if path.suffix in (".png", ".svg")]
    for path, name in [(path, path.relative_to(_ROOT).as_posix()) for path in pictures] + [
        (_ROOT / source, page) for source, page in _BESIDE.items()
    ]:
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Have links that are right in the repository right on the pages, and fill in what the code says."""
    source = page.file.src_uri
    if source in _BESIDE.values():
        return markdown.replace("](docs/", "](")
    markdown = re.sub(rf"\.\./({_PICTURES}/)", r"\1", markdown)
    for name, beside in _BESIDE.items():
        markdown = markdown.replace(f"../{name}", beside)
    for mark, make in _MADE.items():
        if f"<!-- {mark} -->" in markdown:
            markdown = markdown.replace(f"<!-- {mark} -->", make())
    return markdown


def _commands() -> str:
    from propneat.cli.main import propneat

    texts = []
    for command, context in _walk(propneat, click.Context(propneat, info_name="propneat", max_content_width=100)):
        texts += [f"## {context.command_path}", f"```text\n{command.get_help(context)}\n```"]
    return "\n\n".join(texts)


def _walk(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    yield command, context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            yield from _walk(below, click.Context(below, info_name=name, parent=context, max_content_width=100))


def _settings() -> str:
    from propneat.settings.data import DataSettings
    from propneat.settings.evolve_config import default_config
    from propneat.settings.file import Settings, format_settings

    return f"```toml\n{format_settings(Settings(DataSettings(), default_config()))}```"


def _parameters() -> str:
    from propneat.estimators import PropNEATClassifier
    from propneat.settings.of_estimators import describe_parameters

    pairs = re.findall(r"^    (\w+) : (.*)\n        (.*)$", describe_parameters(PropNEATClassifier), re.MULTILINE)
    return "\n".join(["| parameter | what it is |", "|---|---|", *(f"| `{name}` | {note} |" for name, _, note in pairs)])


_MADE: dict[str, Callable[[], str]] = {"commands": _commands, "settings": _settings, "parameters": _parameters}

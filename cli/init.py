"""`propneat init`: a commented configuration file to start from."""

from pathlib import Path

import click

from propneat.cli.folder import FILE, writing

__all__ = ["init"]


@click.command()
@click.option("--method", metavar="propneat|neat", default="propneat", show_default=True, help="Whose settings to write.")
@click.option("--preset", metavar="tiny|default|best", default="default", show_default=True, help="How much is searched.")
@click.option("--out", type=FILE, default="propneat.toml", show_default=True, help="- is stdout.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def init(method: str, preset: str, out: Path, force: bool) -> None:
    """Write a configuration file with every setting, its default value and what it means.

    \b
    Examples:
      propneat init
      propneat init --method neat --out neat.toml
      propneat evolve breast_cancer_wisconsin --config neat.toml
    """
    from propneat.base.errors import ConfigError
    from propneat.base.records import write_atomic
    from propneat.settings.evolve_config import default_config
    from propneat.settings.file import Settings, format_settings

    text = format_settings(Settings(evolve=default_config(method, preset)))
    if str(out) == "-":
        click.echo(text, nl=False)
        return
    with writing(out):
        if out.exists() and not force:
            raise ConfigError(f"{out} exists: choose another name with --out, or replace it with --force")
        write_atomic(out, text)
    click.echo(f"Wrote {out}; use it with: propneat evolve NAME --config {out}", err=True)

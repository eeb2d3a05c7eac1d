"""`propneat benchmark native`: a paper's method on the paper's own problem."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from propneat.base.errors import ConfigError
from propneat.base.records import make_folder
from propneat.cli.folder import FOLDER
from propneat.cli.table import print_table

__all__ = ["native"]


@click.command()
@click.argument("name", required=False)
@click.option("--full", is_flag=True, help="The paper's size instead of one that ends within ten minutes.")
@click.option("--meta-train", is_flag=True, help="vsml: make the meta-trained parameters anew first.")
@click.option("--real", is_flag=True, help="On real images or speech that propneat[native] brings, not on what is built in.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Everything random follows from this number."
)
@click.option("--device", default="cpu", show_default=True, metavar="DEVICE", help="Where torch works.")
@click.option("--out", type=FOLDER, metavar="DIR", help="Folder to write.  [default: results/native-NAME]")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but the result.")
@click.pass_context
def native(context: click.Context, name: str | None, **options: Any) -> None:
    """Run a paper's method on the paper's own problem, and compare with what the paper says.

    \b
    Examples:
      propneat benchmark native
      propneat benchmark native forward-gradients
      propneat benchmark native modprop --full --out results/modprop-full

    Without a name, lists the studies. Writes result.json and figures; the exit code is 1 when a figure does not hold.
    Parts that are finished are kept until then: after an interruption the same command goes on with the others.
    """
    from propneat.methods.natives import NATIVES

    if name is None:
        for study in NATIVES.values():
            click.echo(f"{study.name:20} {study.summary}  [{study.paper}]")
        return
    study = _find(name)
    flags = _flags(study, options)
    _check_device(study, options["device"])
    folder = options["out"] or Path("results") / f"native-{study.name}"
    claims = _run(study, folder, flags, options)
    context.exit(0 if all(claim.holds for claim in claims) else 1)


def _find(name: str) -> Any:
    from propneat.data.catalogue import find_suggestion
    from propneat.methods.natives import NATIVES, studies_by_any_name

    if name in NATIVES:
        return NATIVES[name]
    known = studies_by_any_name()
    close = find_suggestion(name, known)
    hint = f"did you mean {known[close].name!r}?" if close else f"the studies are {', '.join(NATIVES)}"
    raise ConfigError(f"there is no native study {name!r}: {hint}")


def _flags(study: Any, options: dict[str, Any]) -> dict[str, bool]:
    given = [name for name in ("meta_train", "real") if options[name]]
    for name in given:
        if (flag := name.replace("_", "-")) not in study.flags:
            raise click.UsageError(f"--{flag} does not go with {study.name}.")
    return dict.fromkeys(given, True)


def _check_device(study: Any, device: str) -> None:
    """Have a device that cannot be used told before anything is written."""
    if device == "cpu":
        return
    if study.is_cpu_only:
        raise click.UsageError(f"{study.name} works on the CPU alone: leave --device out.")
    from propneat.methods.device import check_device

    check_device(device)


def _run(study: Any, folder: Path, flags: dict[str, bool], options: dict[str, Any]) -> tuple[Any, ...]:
    from importlib import import_module

    from propneat import __version__
    from propneat.base.records import write_atomic
    from propneat.cli.benchmark_view import show_steps
    from propneat.methods.contract import NativeRun
    from propneat.methods.study_parts import StudyParts

    make_folder(folder)
    settings = {"name": study.name, "propneat": __version__, **{name: options[name] for name in ("full", "seed", "device")}}
    parts = StudyParts(folder, settings | {"flags": sorted(flags)})
    module, _, function = study.home.partition(":")
    begin = time.perf_counter()
    with show_steps(study.name, quiet=options["quiet"]) as progress:
        request = NativeRun(folder, options["full"], options["seed"], options["device"], progress, parts)
        outcome = getattr(import_module(module), function)(request, **flags)
    document = {
        "study": study.name,
        "paper": study.paper,
        "propneat": __version__,
        "seed": options["seed"],
        "full": options["full"],
        "device": options["device"],
        "seconds": round(time.perf_counter() - begin + parts.seconds_before, 2),
        "claims": [asdict(claim) for claim in outcome.claims],
        "figures": list(outcome.figures),
        "data": outcome.data,
    }
    write_atomic(folder / "result.json", json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    parts.clear()
    if options["as_json"]:
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _show(outcome, folder)
    return outcome.claims


def _show(outcome: Any, folder: Path) -> None:
    rows = [
        (claim.name, claim.expected, claim.value, _between(claim.interval), claim.n_runs, "yes" if claim.holds else "NO")
        for claim in outcome.claims
    ]
    print_table(("claim", "expected", "here", "two standard errors", "runs", "holds"), rows)
    click.echo(f"figures    {', '.join(str(folder / figure) for figure in outcome.figures)}", err=True)


def _between(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.4g} to {interval[1]:.4g}"

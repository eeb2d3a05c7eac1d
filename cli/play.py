"""`propneat play`: a network that acts, in episodes."""

import json
from contextlib import closing
from pathlib import Path

import click

from propneat.cli.evolve_control import figure
from propneat.cli.folder import FILE, keep_apart, writing

__all__ = ["play"]


@click.command()
@click.argument("champion", type=click.Path(path_type=Path), metavar="CHAMPION.json")
@click.option("--env", metavar="ENV", help="Environment to act in.  [default: that of the champion]")
@click.option("--episodes", type=click.IntRange(min=1), default=100, show_default=True, help="Number of episodes.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Names the episodes.")
@click.option("--max-steps", type=click.IntRange(min=1), help="Most steps of an episode.  [default: the environment's]")
@click.option("--record", type=FILE, metavar="FILE.gif", help="Write the first episode as a moving picture.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def play(
    champion: Path, env: str | None, episodes: int, seed: int, max_steps: int | None, record: Path | None, as_json: bool
) -> None:
    """Let a champion of propneat evolve --env act, and print its mean return.

    \b
    Examples:
      propneat play results/CartPole-v1-seed0/champion.json
      propneat play champion.json --episodes 1000 --seed 7
      propneat play champion.json --record episode.gif
      propneat play champion.json --env my_package.my_module:MyEnvironment
    """
    from propneat.base.errors import ConfigError
    from propneat.base.records import write_atomic
    from propneat.control.champion import load_champion
    from propneat.control.finding import find_world

    keep_apart(record, champion)
    if record and record.suffix.lower() != ".gif":
        raise ConfigError(f"an episode is recorded as .gif, not as {record.suffix or 'a file without an ending'!r}")
    player = load_champion(champion)
    world = find_world(env or player.environment, max_steps)
    n_episodes = 1 if world.environment.is_fixed else episodes
    with closing(world):
        rollouts = player.play(world, n_episodes, seed)
    returns, steps = rollouts.returns[0], rollouts.steps[0]
    if record:
        from propneat.control.drawing import record_episode

        with writing(record):
            write_atomic(record, record_episode(player, world, seed))
        click.echo(f"Episode written to {record}", err=True)
    facts = {
        "env": world.environment.name,
        "episodes": n_episodes,
        "seed": seed,
        "mean_return": float(returns.mean()),
        "spread": float(returns.std()),
        "least": float(returns.min()),
        "most": float(returns.max()),
        "mean_steps": float(steps.mean()),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    words = "1 episode" if n_episodes == 1 else f"{n_episodes} episodes"
    click.echo(
        f"{facts['env']}: mean return {figure(facts['mean_return'])} with a spread of {figure(facts['spread'])} over {words} "
        f"({figure(facts['least'])} to {figure(facts['most'])}, {facts['mean_steps']:,.1f} steps)"
    )

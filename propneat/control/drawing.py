"""Episodes as moving pictures: our own environments drawn here, others by themselves."""

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng
from propneat.control.champion import Champion
from propneat.control.compiled import first_states, observe_all, step_all
from propneat.control.environment import Environment
from propneat.control.finding import make_gymnasium
from propneat.control.rollouts import World

__all__ = ["record_episode"]

_SIZE, _MOST_FRAMES, _MILLISECONDS = (480, 300), 300, 40
_DARK, _BLUE, _ORANGE, _GREY = "#333333", "#0072b2", "#d55e00", "#bbbbbb"


def record_episode(champion: Champion, world: World, seed: int) -> bytes:
    """Return the first episode of a seed as a GIF; of long ones every second frame, or fewer, is left out.

    Raises ConfigError for an environment the champion does not fit, or that draws no pictures.
    """
    from PIL import Image

    champion.check_fits(world.environment)
    compiled = world.environment.is_compiled
    frames = list(_compiled_frames(champion, world, seed) if compiled else _gymnasium_frames(champion, world, seed))
    every = max(1, -(-len(frames) // _MOST_FRAMES))
    pictures = [frame if isinstance(frame, Image.Image) else Image.fromarray(frame) for frame in frames[::every]]
    content = io.BytesIO()
    pictures[0].save(content, "GIF", save_all=True, append_images=pictures[1:], duration=_MILLISECONDS, loop=0, optimize=False)
    return content.getvalue()


def _first_seed(seed: int) -> np.uint64:
    return make_rng(seed, "play").integers(0, 2**63, 1, dtype=np.uint64)[0]


def _compiled_frames(champion: Champion, world: World, seed: int) -> Iterator[Any]:
    environment, player = world.environment, champion.player()
    states = first_states(environment, np.array([_first_seed(seed)]))
    seen, rewards, ended = np.zeros((1, environment.n_observations)), np.zeros(1), np.zeros(1, bool)
    for time in range(environment.max_steps):
        if time < 20 * _MOST_FRAMES:
            yield _picture(environment, states[0], time)
        observe_all(environment.code, states, seen)
        action = np.ravel(player(seen[0])).astype(np.float64)
        step_all(environment.code, states, action, time, time == environment.max_steps - 1, rewards, ended)
        if ended[0]:
            yield _picture(environment, states[0], time + 1)
            return


def _picture(environment: Environment, state: np.ndarray, time: int) -> Any:
    """Draw a state; metres of a cart's track, or of a pendulum's reach, fill the width."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", _SIZE, "white")
    draw = ImageDraw.Draw(picture)
    draw.text((8, 6), f"{environment.name}, step {time}", fill=_DARK)
    if environment.name.startswith(("CartPole", "double-pole")):
        _draw_cart(draw, state, [(1.0, state[2], _ORANGE)] + ([(0.1, state[4], _BLUE)] if environment.n_state > 4 else []))
    elif environment.name.startswith("MountainCar"):
        xs = np.linspace(-1.2, 0.6, 90)
        draw.line([_on_hill(x) for x in xs], fill=_DARK, width=2)
        x, y = _on_hill(state[0])
        draw.ellipse((x - 9, y - 20, x + 9, y - 2), fill=_BLUE)
    else:
        links = [state[0] + math.pi] if environment.name.startswith("Pendulum") else [state[0], state[0] + state[1]]
        _draw_links(draw, links)
    return picture


def _draw_cart(draw: Any, state: np.ndarray, poles: list[tuple[float, float, str]]) -> None:
    width, ground, metre = _SIZE[0], _SIZE[1] - 50, _SIZE[0] / 5.4
    x = width / 2 + state[0] * metre
    draw.line((width / 2 - 2.4 * metre, ground, width / 2 + 2.4 * metre, ground), fill=_GREY, width=3)
    draw.rectangle((x - 28, ground - 28, x + 28, ground - 4), fill=_DARK)
    for length, angle, colour in poles:
        reach = 1.7 * metre * length
        end = (x + reach * math.sin(angle), ground - 28 - reach * math.cos(angle))
        draw.line((x, ground - 28, *end), fill=colour, width=7)


def _on_hill(x: float) -> tuple[float, float]:
    return (x + 1.2) / 1.8 * (_SIZE[0] - 20) + 10, _SIZE[1] - 30 - (math.sin(3 * x) * 0.45 + 0.55) * 200


def _draw_links(draw: Any, angles: list[float]) -> None:
    """Links of a metre, each at an angle from hanging down."""
    x, y = _SIZE[0] / 2, _SIZE[1] / 2
    for angle, colour in zip(angles, (_ORANGE, _BLUE), strict=False):
        end = (x + 65 * math.sin(angle), y + 65 * math.cos(angle))
        draw.line((x, y, *end), fill=colour, width=8)
        x, y = end


def _gymnasium_frames(champion: Champion, world: World, seed: int) -> Iterator[Any]:
    name = world.environment.name
    place = make_gymnasium(name, render_mode="rgb_array") if ":" not in name or "/" in name else world.make()
    player = champion.player()
    try:
        observation, _ = place.reset(seed=int(_first_seed(seed) % np.uint64(2**31)))
        for _ in range(world.environment.max_steps):
            frame = place.render() if hasattr(place, "render") else None
            if not isinstance(frame, np.ndarray):
                raise ConfigError(f"{name} draws no pictures: its render() must return an array, as of render_mode 'rgb_array'")
            yield frame
            observation, _, ended, cut, _ = place.step(world.unflatten(player(world.flatten(observation))))
            if ended or cut:
                return
    except ImportError as error:
        raise ConfigError(f"{name} cannot be drawn: {error}") from error
    finally:
        place.close()

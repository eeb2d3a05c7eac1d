"""Two poles of different lengths on one cart (Wieland 1991), compiled, as neuroevolution has used them for comparison.

Parameters of Gomez and Miikkulainen (1999) and of Stanley and Miikkulainen (2002): cart 1 kg, track of 2.4 m to either side,
poles with half lengths of 0.5 m and 0.05 m and masses of 0.1 kg and 0.01 kg, friction 2e-6 at their joints and none on the
track, forces up to 10 N, failure beyond 36 degrees. An action lasts 0.02 s, which are two Runge-Kutta steps of 0.01 s.
"""

import math

from propneat.base.native import inner

__all__ = ["N_SHAKES", "START_ANGLE", "double_pole_move", "double_pole_step", "damped_step"]

START_ANGLE = 0.07
"""Angle of the long pole at the start, in rad: 4 degrees."""

N_SHAKES = 100
"""Number of last steps whose shaking the damping fitness counts."""

_GRAVITY, _FRICTION, _FORCE, _TAU = -9.8, 0.000002, 10.0, 0.01
_CART, _POLES, _HALF_LENGTHS = 1.0, (0.1, 0.01), (0.5, 0.05)
_TRACK, _FAILED = 2.4, 36 * math.pi / 180


@inner
def _pole(mass, half_length, angle, spin):
    """Return a pole's effective force on the cart, its effective mass, and what its own acceleration adds to the cart's."""
    cosine, pull = math.cos(angle), _GRAVITY * math.sin(angle)
    rub = _FRICTION * spin / (mass * half_length)
    force = mass * half_length * spin * spin * math.sin(angle) + 0.75 * mass * cosine * (rub + pull)
    return force, mass * (1.0 - 0.75 * cosine * cosine), cosine, pull + rub


@inner
def _accelerations(force, angle1, spin1, angle2, spin2):
    """Wieland's equations: accelerations of the cart, m/s^2, and of both poles, rad/s^2."""
    force1, mass1, cosine1, rest1 = _pole(_POLES[0], _HALF_LENGTHS[0], angle1, spin1)
    force2, mass2, cosine2, rest2 = _pole(_POLES[1], _HALF_LENGTHS[1], angle2, spin2)
    cart = (force + force1 + force2) / (mass1 + mass2 + _CART)
    return cart, -0.75 * (cart * cosine1 + rest1) / _HALF_LENGTHS[0], -0.75 * (cart * cosine2 + rest2) / _HALF_LENGTHS[1]


@inner
def double_pole_move(state, force):
    """Move a state by one Runge-Kutta step of 0.01 s under a force in N.

    The state begins with position, velocity, angle and angular velocity of the long pole, and those of the short one.
    """
    x, v, a, s, b, t = state[0], state[1], state[2], state[3], state[4], state[5]
    half, whole, sixth = _TAU / 2, _TAU, _TAU / 6
    v1, s1, t1 = _accelerations(force, a, s, b, t)
    vb, sb, tb = v + half * v1, s + half * s1, t + half * t1
    v2, s2, t2 = _accelerations(force, a + half * s, sb, b + half * t, tb)
    vc, sc, tc = v + half * v2, s + half * s2, t + half * t2
    v3, s3, t3 = _accelerations(force, a + half * sb, sc, b + half * tb, tc)
    vd, sd, td = v + whole * v3, s + whole * s3, t + whole * t3
    v4, s4, t4 = _accelerations(force, a + whole * sc, sd, b + whole * tc, td)
    state[0] = x + sixth * (v + 2 * vb + 2 * vc + vd)
    state[1] = v + sixth * (v1 + 2 * v2 + 2 * v3 + v4)
    state[2] = a + sixth * (s + 2 * sb + 2 * sc + sd)
    state[3] = s + sixth * (s1 + 2 * s2 + 2 * s3 + s4)
    state[4] = b + sixth * (t + 2 * tb + 2 * tc + td)
    state[5] = t + sixth * (t1 + 2 * t2 + 2 * t3 + t4)


@inner
def double_pole_step(state, action):
    """An action in [-1, 1], the share of the largest force, for 0.02 s; the reward is 1, as a pole that fell ends it."""
    double_pole_move(state, _FORCE * action)
    double_pole_move(state, _FORCE * action)
    return 1.0, abs(state[0]) > _TRACK or abs(state[2]) > _FAILED or abs(state[4]) > _FAILED


@inner
def damped_step(state, action, time, is_last):
    """The same step, rewarded so that the return is the damping fitness of Gruau, Whitley and Pyeatt (1996).

    That is 0.1 t / 1000 + 0.9 f, where f is 0 for t < 100 steps and else 0.75 over the sum, over the last 100 steps, of
    |x| + |x'| + |angle| + |angle'| of cart and long pole. `state[6:]` has these sums step by step, `time` counts from 0.
    """
    _, ended = double_pole_step(state, action)
    state[6 + time % N_SHAKES] = abs(state[0]) + abs(state[1]) + abs(state[2]) + abs(state[3])
    reward = 0.1 / 1000
    if (ended or is_last) and time + 1 >= N_SHAKES:
        shaken = 0.0
        for k in range(N_SHAKES):
            shaken += state[6 + k]
        reward += 0.9 * 0.75 / shaken
    return reward, ended

"""Equations of motion of the classic control problems, compiled: those of gymnasium, step for step, in float64.

Every `*_step` changes a state in place by one action and returns (reward, whether the episode ended).
"""

import math

from propneat.base.native import inner

__all__ = [
    "acrobot_step",
    "cart_pole_step",
    "hill_step",
    "hill_continuous_step",
    "pendulum_step",
]

_CART_LIMIT, _POLE_LIMIT = 2.4, 12 * 2 * math.pi / 360
_MOST_SPEED, _LEFT, _RIGHT = 0.07, -1.2, 0.6
_ELBOW_SPEEDS = (4 * math.pi, 9 * math.pi)


@inner
def cart_pole_step(state, action):
    """CartPole-v1 (Barto, Sutton and Anderson 1983; equations of Florian 2005, without friction), Euler steps of 0.02 s.

    The state is position (m), velocity, angle (rad) and its velocity; action 1 pushes to the right with 10 N, 0 to the left.
    Cart 1 kg, pole 0.1 kg with a half length of 0.5 m. It ends beyond 2.4 m or 12 degrees.
    """
    x, speed, angle, spin = state[0], state[1], state[2], state[3]
    force = 10.0 if action == 1.0 else -10.0
    cosine, sine = math.cos(angle), math.sin(angle)
    push = (force + 0.05 * spin * spin * sine) / 1.1
    angular = (9.8 * sine - cosine * push) / (0.5 * (4.0 / 3.0 - 0.1 * cosine * cosine / 1.1))
    state[0] = x + 0.02 * speed
    state[1] = speed + 0.02 * (push - 0.05 * angular * cosine / 1.1)
    state[2] = angle + 0.02 * spin
    state[3] = spin + 0.02 * angular
    return 1.0, abs(state[0]) > _CART_LIMIT or abs(state[2]) > _POLE_LIMIT


@inner
def _hill(state, pull, goal):
    speed = min(max(state[1] + pull - 0.0025 * math.cos(3 * state[0]), -_MOST_SPEED), _MOST_SPEED)
    position = min(max(state[0] + speed, _LEFT), _RIGHT)
    if position == _LEFT and speed < 0:
        speed = 0.0
    state[0], state[1] = position, speed
    return position >= goal and speed >= 0


@inner
def hill_step(state, action):
    """MountainCar-v0 (Moore 1990): position and velocity; actions 0, 1, 2 push back, not, and forth by 0.001."""
    return -1.0, _hill(state, (action - 1.0) * 0.001, 0.5)


@inner
def hill_continuous_step(state, action):
    """MountainCarContinuous-v0: the action in [-1, 1] pushes by 0.0015 times itself; the top is at 0.45 and gives 100."""
    ended = _hill(state, action * 0.0015, 0.45)
    return (100.0 if ended else 0.0) - 0.1 * action * action, ended


@inner
def pendulum_step(state, action):
    """Pendulum-v1: angle from upright and its velocity, at most 8 rad/s; the action is a torque in [-2, 2] Nm; 1 kg, 1 m, g 10.

    Semi-implicit Euler steps of 0.05 s; the reward is -(angle^2 + 0.1 velocity^2 + 0.001 torque^2); it never ends by itself.
    """
    angle, spin = state[0], state[1]
    turned = (angle + math.pi) % (2 * math.pi) - math.pi
    cost = turned * turned + 0.1 * spin * spin + 0.001 * action * action
    spin = min(max(spin + (15.0 * math.sin(angle) + 3.0 * action) * 0.05, -8.0), 8.0)
    state[0], state[1] = angle + spin * 0.05, spin
    return -cost, False


@inner
def _acrobot_accelerations(angle1, angle2, spin1, spin2, torque):
    """Sutton and Barto's equations (book form): two links of 1 kg, 1 m, centre at 0.5 m, moment of inertia 1, g 9.8."""
    cosine = math.cos(angle2)
    d1 = 0.25 + (1.25 + cosine) + 2.0
    d2 = 0.25 + 0.5 * cosine + 1.0
    phi2 = 4.9 * math.cos(angle1 + angle2 - math.pi / 2)
    phi1 = -0.5 * spin2 * spin2 * math.sin(angle2) - spin2 * spin1 * math.sin(angle2)
    phi1 += 14.7 * math.cos(angle1 - math.pi / 2) + phi2
    second = (torque + d2 / d1 * phi1 - 0.5 * spin1 * spin1 * math.sin(angle2) - phi2) / (1.25 - d2 * d2 / d1)
    return -(d2 * second + phi1) / d1, second


@inner
def _wrapped(angle):
    while angle > math.pi:
        angle -= 2 * math.pi
    while angle < -math.pi:
        angle += 2 * math.pi
    return angle


@inner
def acrobot_step(state, action):
    """Acrobot-v1 (Sutton 1996): two angles and their velocities; actions 0, 1, 2 are a torque of -1, 0, 1 Nm at the elbow.

    One Runge-Kutta step of 0.2 s; it ends, with reward 0 in place of -1, when the tip is 1 m above the fixed end.
    """
    torque = action - 1.0
    a, b, u, v = state[0], state[1], state[2], state[3]
    ua, va = _acrobot_accelerations(a, b, u, v, torque)
    u2, v2 = u + 0.1 * ua, v + 0.1 * va
    ub, vb = _acrobot_accelerations(a + 0.1 * u, b + 0.1 * v, u2, v2, torque)
    u3, v3 = u + 0.1 * ub, v + 0.1 * vb
    uc, vc = _acrobot_accelerations(a + 0.1 * u2, b + 0.1 * v2, u3, v3, torque)
    u4, v4 = u + 0.2 * uc, v + 0.2 * vc
    ud, vd = _acrobot_accelerations(a + 0.2 * u3, b + 0.2 * v3, u4, v4, torque)
    state[0] = _wrapped(a + 0.2 / 6.0 * (u + 2 * u2 + 2 * u3 + u4))
    state[1] = _wrapped(b + 0.2 / 6.0 * (v + 2 * v2 + 2 * v3 + v4))
    state[2] = min(max(u + 0.2 / 6.0 * (ua + 2 * ub + 2 * uc + ud), -_ELBOW_SPEEDS[0]), _ELBOW_SPEEDS[0])
    state[3] = min(max(v + 0.2 / 6.0 * (va + 2 * vb + 2 * vc + vd), -_ELBOW_SPEEDS[1]), _ELBOW_SPEEDS[1])
    ended = -math.cos(state[0]) - math.cos(state[1] + state[0]) > 1.0
    return 0.0 if ended else -1.0, ended

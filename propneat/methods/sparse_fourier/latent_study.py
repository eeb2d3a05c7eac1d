"""Does the latent find the hidden angle, and are its volumes closer to the truth than the map of all particles together?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, NamedTuple

import numpy as np
import torch

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.sparse_fourier.fsc import resolution, shell_correlation
from propneat.methods.sparse_fourier.grid import HalfBall, half_ball
from propneat.methods.sparse_fourier.model import Architecture, HeterogeneousModel
from propneat.methods.sparse_fourier.particles import Particles, spectral_amplitude
from propneat.methods.sparse_fourier.reconstruction import (
    ConsensusPlan,
    Observations,
    encoder_inputs,
    fit_consensus,
    observe,
)
from propneat.methods.sparse_fourier.simulation import Simulation, SwingingArm, make_molecule, simulate
from propneat.methods.sparse_fourier.training import Look, TrainingPlan, infer_means, train

__all__ = ["LatentPlan", "Volumes", "angle_r2", "latent_study"]

_NEIGHBOURS = 50


@dataclass(frozen=True)
class LatentPlan:
    """What is simulated and how it is learnt from. Half the particles are learnt from, the other half judges."""

    simulation: Simulation = field(default_factory=lambda: Simulation(n_particles=10_000))
    consensus: ConsensusPlan = field(default_factory=ConsensusPlan)
    training: TrainingPlan = field(default_factory=TrainingPlan)
    sizes: Architecture = field(default_factory=Architecture)
    encoder_radius: int = 9
    n_states: int = 9
    n_judged: int = 2000
    """Particles of the other half-set that every look is made on."""


class Volumes(NamedTuple):
    """Real volumes (n_states, n, n, n) to draw: the truth, those of the latent, and the consensus, (n, n, n)."""

    angles: np.ndarray
    truth: np.ndarray
    decoded: np.ndarray
    consensus: np.ndarray


def latent_study(
    plan: LatentPlan, seed: int, device: str, progress: Callable[[str, int, int], None]
) -> tuple[dict[str, Any], Volumes]:
    """Return numbers and volumes.

    States are angles evenly over the range; a state's latent is the median of those of the held-out particles nearest to it in
    angle, and its volume is compared with the exact one. The control gives each state the latents of random particles.
    """
    # every long part is done in a thread that has one torch thread, so that numbers do not depend on how many cores there are
    tell = partial(progress, "simulating particles", 0, 1)
    molecule, particles, angles, amplitude, halves = with_heartbeat(tell, partial(_prepare, plan.simulation, seed, device))
    maps = [_consensus(part, amplitude, plan.consensus, seed, k, progress) for k, part in enumerate(halves)]
    shown = partial(encoder_inputs, consensus=maps[0][0], radius=plan.encoder_radius)
    tell = partial(progress, "what the encoder is shown", 0, 1)
    inputs = with_heartbeat(tell, lambda: [shown(part) for part in halves])
    scale = inputs[0].square().mean(0).sqrt().clamp(min=1e-9)
    inputs = [part / scale for part in inputs]
    generator = torch.Generator().manual_seed(derive_seed("sparse-fourier", seed, "model") % 2**63)
    whitener = torch.from_numpy(amplitude.astype(np.float32))
    model = HeterogeneousModel(halves[0].ball, whitener, maps[0][0], inputs[0].shape[1], plan.sizes, generator).to(device)
    judge = _Judge(molecule, plan, angles[len(halves[0]) :], inputs[1], maps[0][1])
    looks = _train(model, halves, inputs, plan, seed, judge, progress)
    numbers = {
        "n_particles": len(particles),
        "consensus_loss": [losses for _, _, losses in maps],
        "half_map_fsc": shell_correlation(judge.ball, maps[0][1], maps[1][1]).tolist(),
        "looks": looks,
        **_compare(judge, model, make_rng("sparse-fourier", seed, "shuffle")),
    }
    n, pixel = plan.simulation.n, plan.simulation.optics.pixel
    numbers["resolution"] = {
        "states against truth, 0.5": resolution(np.mean(numbers["state_fsc"], axis=0), 0.5, n, pixel),
        "consensus against truth, 0.5": resolution(np.mean(numbers["consensus_fsc"], axis=0), 0.5, n, pixel),
        "consensus of half-sets with each other, 0.143": resolution(numbers["half_map_fsc"], 0.143, n, pixel),
    }
    return numbers, judge.volumes(model)


def _prepare(
    plan: Simulation, seed: int, device: str
) -> tuple[SwingingArm, Particles, np.ndarray, np.ndarray, list[Observations]]:
    """Return the molecule, its particles, their angles, the amplitude by the first half-set, and both half-sets on the device."""
    molecule = make_molecule(plan.n, make_rng("sparse-fourier", seed, "molecule"))
    particles, angles = simulate(molecule, plan, make_rng("sparse-fourier", seed, "particles"))
    half = len(particles) // 2
    amplitude = spectral_amplitude(particles.rows(slice(half)))
    halves = [observe(particles.rows(part), amplitude, device) for part in (slice(half), slice(half, None))]
    return molecule, particles, angles, amplitude, halves


def angle_r2(latents: np.ndarray, angles: np.ndarray) -> float:
    """Return how much of the variance of angles (n_particles,) a quadratic of latents (n_particles, n_latent) explains.

    The quadratic is fitted to the first half of the rows and R^2 taken on the second.
    """
    d = latents.shape[1]
    products = [latents[:, i] * latents[:, j] for i in range(d) for j in range(i, d)]
    design = np.column_stack([np.ones(len(latents)), latents, *products])
    half = len(latents) // 2
    solution = np.linalg.lstsq(design[:half], angles[:half], rcond=None)[0]
    left = angles[half:] - design[half:] @ solution
    return float(1 - (left**2).mean() / angles[half:].var())


@dataclass(frozen=True, eq=False)
class _Judge:
    """Knows the truth, and compares a model with it."""

    molecule: SwingingArm
    plan: LatentPlan
    angles: np.ndarray
    inputs: torch.Tensor
    consensus: np.ndarray

    @property
    def ball(self) -> HalfBall:
        return half_ball(self.plan.simulation.n)

    @property
    def states(self) -> np.ndarray:
        most = 0.95 * self.plan.simulation.largest_angle
        return np.linspace(-most, most, self.plan.n_states)

    @cached_property
    def truth(self) -> np.ndarray:
        return np.stack([self.molecule.at(angle).spectrum(self.ball.voxels, self.ball.n) for angle in self.states])

    def fsc(self, coefficients: np.ndarray) -> np.ndarray:
        """Return correlations with the true states of coefficients (n_states, n_voxels), (n_states, radius)."""
        return np.stack([shell_correlation(self.ball, *pair) for pair in zip(coefficients, self.truth, strict=True)])

    def look(self, model: HeterogeneousModel, shuffler: np.random.Generator | None = None) -> dict[str, Any]:
        latents = infer_means(model, self.inputs).double().cpu().numpy()
        latents = latents if shuffler is None else shuffler.permutation(latents)
        fsc = self.fsc(self._decode(model, self._of_states(latents, shuffler)))
        return {"r2": angle_r2(latents, self.angles), "fsc": fsc, "latents": latents}

    def volumes(self, model: HeterogeneousModel) -> Volumes:
        latents = infer_means(model, self.inputs).double().cpu().numpy()
        decoded = self._decode(model, self._of_states(latents, None))
        real = [np.stack([self.ball.volume(one) for one in many]) for many in (self.truth, decoded)]
        return Volumes(self.states, *real, self.ball.volume(self.consensus))

    def _of_states(self, latents: np.ndarray, shuffler: np.random.Generator | None) -> np.ndarray:
        if shuffler is not None:
            return latents[: len(self.states)]
        nearest = [np.argsort(np.abs(self.angles - angle))[:_NEIGHBOURS] for angle in self.states]
        return np.stack([np.median(latents[rows], axis=0) for rows in nearest])

    def _decode(self, model: HeterogeneousModel, latents: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return model.coefficients(torch.from_numpy(latents).float().to(self.inputs.device)).cpu().numpy()


def _compare(judge: _Judge, model: HeterogeneousModel, shuffler: np.random.Generator) -> dict[str, Any]:
    """Return how the model kept, the control and the consensus compare with the truth."""
    final, shuffled = judge.look(model), judge.look(model, shuffler)
    return {
        "r2": final["r2"],
        "shuffled_r2": shuffled["r2"],
        "state_angles": judge.states.tolist(),
        "state_fsc": final["fsc"].tolist(),
        "shuffled_fsc": shuffled["fsc"].tolist(),
        "consensus_fsc": judge.fsc(np.tile(judge.consensus, (len(judge.states), 1))).tolist(),
        "latents": final["latents"][:1000].tolist(),
        "angles": judge.angles[:1000].tolist(),
    }


def _consensus(
    seen: Observations,
    amplitude: np.ndarray,
    plan: ConsensusPlan,
    seed: int,
    half: int,
    progress: Callable[[str, int, int], None],
) -> tuple[torch.Tensor, np.ndarray, list[float]]:
    """Return the whitened map of a half-set, its coefficients (n_voxels,), and losses by epoch."""
    losses: list[float] = []
    rng = make_rng("sparse-fourier", seed, "consensus", half)
    table = with_heartbeat(
        lambda: progress(f"consensus of half-set {half + 1}", len(losses), plan.n_epochs),
        lambda: fit_consensus(seen, plan, rng, lambda n_done, loss: losses.append(loss)),
    )
    coefficients = amplitude[seen.ball.shells] * torch.view_as_complex(table.double().contiguous()).cpu().numpy()
    return table, coefficients, losses


def _train(
    model: HeterogeneousModel,
    halves: list[Observations],
    inputs: list[torch.Tensor],
    plan: LatentPlan,
    seed: int,
    judge: _Judge,
    progress: Callable[[str, int, int], None],
) -> list[dict[str, float]]:
    """Train; return every look's numbers with R^2 and the mean correlation with the true states, which choose nothing."""
    looks: list[dict[str, float]] = []

    def after_check(found: Look) -> None:
        truth = judge.look(model)
        looks.append({**found._asdict(), "r2": truth["r2"], "state_fsc": float(truth["fsc"].mean())})

    few = slice(plan.n_judged)
    rng = make_rng("sparse-fourier", seed, "training")
    with_heartbeat(
        lambda: progress("autoencoder", len(looks), plan.training.n_epochs * plan.training.n_checks),
        lambda: train(model, halves[0], inputs[0], halves[1].rows(few), inputs[1][few], plan.training, rng, after_check),
    )
    return looks

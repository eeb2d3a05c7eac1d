"""The evolved controller: NEAT finds its topology, backprop through the plant its weights, which return into the genome."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from propneat.compiler import compile_genome, write_back
from propneat.compiler.network import CompiledNetwork
from propneat.evolution import EvolutionConfig, Population
from propneat.genome import GenePool, Genome
from propneat.methods.fusion_control.loop import N_SHOWN
from propneat.methods.fusion_control.tuning import Bench, Budget, costs, train_policy

__all__ = ["Evolution", "EvolvedController", "evolve_controller", "train_genomes"]

_CLIP = 1.0


@dataclass(frozen=True)
class Evolution:
    """How topologies are searched. By default search and final training simulate as much as the training of the others."""

    n_generations: int = 8
    population_size: int = 16
    n_updates: int = 4
    """Updates of every genome's weights in a generation."""
    n_plants: int = 4
    horizon: int = 40
    learning_rate: float = 0.01
    size_penalty: float = 2e-7
    """Cost of an enabled connection, in units of the tracking cost."""
    seed: int = 0

    @property
    def plant_seconds(self) -> int:
        """Simulated seconds that gradients are found on."""
        return self.n_generations * self.population_size * self.n_updates * self.n_plants * self.horizon

    def population(self) -> Population:
        """Return the first generation: linear controllers with at most 4 hidden nodes."""
        config = EvolutionConfig(
            population_size=self.population_size,
            direction="minimise",
            add_connection_rate=0.5,
            delete_connection_rate=0.2,
            add_node_rate=0.3,
            delete_node_rate=0.1,
            weight_mutation_rate=0.0,
            bias_mutation_rate=0.0,
            activation_mutation_rate=0.1,
            weight_sigma=0.2,
            activations=("tanh", "relu", "gauss", "identity"),
            initial_hidden=4,
            compatibility_threshold=1.5,
            target_species=4,
        )
        return Population(N_SHOWN, 4, config, seed=self.seed)


class EvolvedController(torch.nn.Module):
    """Genomes as controllers: of plants, equal shares in order belong to the genomes.

    Raises GenomeError through the compiler for a genome that is no network.
    """

    def __init__(self, genomes: Sequence[Genome]) -> None:
        super().__init__()
        self.genomes = list(genomes)
        self.plans = [compile_genome(genome) for genome in self.genomes]
        self.networks = torch.nn.ModuleList(CompiledNetwork(plan, torch.float64) for plan in self.plans)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return answers (n_plants, 4) to features (n_plants, N_FEATURES)."""
        shares = features[:, :N_SHOWN].chunk(len(self.networks))
        return torch.cat([network(share) for network, share in zip(self.networks, shares, strict=True)])

    def written_back(self) -> list[Genome]:
        """Return the genomes with the present numbers in their genes."""
        parts = zip(self.genomes, self.plans, self.networks, strict=True)
        return [write_back(genome, plan, *network.numbers()) for genome, plan, network in parts]


def train_genomes(bench: Bench, genomes: Sequence[Genome], plan: Evolution, generation: int) -> list[Genome]:
    """Return genomes trained side by side, in one simulation, on scenarios of their generation.

    Each meets the same plants, and is trained by Adam on its own mean cost, gradients clipped to norm 1 for each. A genome
    whose gradients are not finite stays as it is in that update.
    """
    controller = EvolvedController(genomes).to(bench.device)
    optimisers = [torch.optim.Adam(network.parameters(), lr=plan.learning_rate) for network in controller.networks]
    with torch.enable_grad():
        for update in range(plan.n_updates):
            scenario = bench.scenarios(plan.n_plants, plan.horizon, "evolve", generation, update).repeat(len(genomes))
            controller.zero_grad()
            costs(bench, controller, scenario).sum().div(plan.n_plants).backward()
            for network, optimiser in zip(controller.networks, optimisers, strict=True):
                if torch.nn.utils.clip_grad_norm_(network.parameters(), _CLIP).isfinite():
                    optimiser.step()
    return controller.written_back()


def evolve_controller(
    bench: Bench,
    plan: Evolution,
    budget: Budget,
    final_updates: int,
    progress: Callable[[str, int, int], None] = lambda step, done, total: None,
) -> tuple[EvolvedController, dict[str, Any]]:
    """Return the champion, its weights trained for `final_updates` more updates of the budget's size, and the history.

    In every generation all genomes are trained through the plant, their weights written back, judged on scenarios that all
    share, with a small penalty on size, and bred. Judging, which takes no gradients, is not counted in the budget: by
    default it takes 82,000 plant-seconds here, beside the 56,000 of every controller's checks.
    """
    population = plan.population()
    judges = bench.scenarios(max(budget.n_judges // 4, 1), budget.horizon, "evolution judges")
    history = []
    for generation in range(plan.n_generations):
        trained = train_genomes(bench, list(population.ask()), plan, generation)
        with torch.no_grad():
            found = costs(bench, EvolvedController(trained).to(bench.device), judges.repeat(len(trained)))
        found = found.view(len(trained), -1).mean(dim=1).cpu().numpy()
        sizes = np.array([genome.n_enabled for genome in trained])
        report = population.tell(found + plan.size_penalty * sizes, GenePool.pack(trained))
        history.append(_row(report.best_fitness, population))
        progress("evolving controllers", generation + 1, plan.n_generations)
    champion = EvolvedController([population.best]).to(bench.device)
    checks = train_policy(
        bench,
        champion,
        plan.learning_rate,
        Budget(final_updates, budget.n_plants, budget.horizon, budget.n_judges, budget.n_checks),
        progress=lambda done, total: progress("training the evolved controller", done, total),
    )
    champion.genomes = champion.written_back()
    return champion, {"generations": history, "checks": checks}


def _row(best: float, population: Population) -> dict[str, Any]:
    plan = compile_genome(population.best)
    return {
        "best_of_generation": float(best),
        "best_so_far": float(population.best_fitness),
        "n_connections": plan.n_edges,
        "n_hidden": plan.n_slots - plan.n_inputs - plan.n_outputs,
        "n_layers": plan.n_layers,
    }

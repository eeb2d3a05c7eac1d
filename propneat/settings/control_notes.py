"""One line on every setting of a run in an environment: comments of its configuration file, and help of its options."""

__all__ = ["CONTROL_NOTES"]

CONTROL_NOTES: dict[str, str] = {
    "env": 'The environment: one of our own, one of gymnasium, or "package.module:NAME".',
    "method": '"neat" mutates weights alone, "propneat" trains every network between generations on what all have met as well.',
    "generations": "Most generations.",
    "env_steps": 'Steps in the environment after which no generation begins; "none" for any number.',
    "episodes": "Episodes of every genome in a generation, the same for all; one where all are alike.",
    "judge_episodes": "Episodes that the best of a generation is judged by, others than those it was chosen by.",
    "test_episodes": "Episodes that the champion is tested in at the end.",
    "max_steps": 'Steps after which an episode ends; "none" for the limit of the environment.',
    "solved_at": 'Mean return that counts as solved and ends the run; "none" for that of the environment.',
    "normalise": 'Whether observations are scaled by mean and spread of all seen; "none" leaves it to the environment.',
    "biases": "Whether nodes have biases; where mirrored states ask for mirrored actions they are of no use.",
    "step_decades": "Steps of mutation are perturb_sigma or, drawn for every generation, up to so many powers of ten smaller.",
    "restart_after": 'Generations without progress of 1 % after which new genomes begin; "none" for never.',
    "seed": "Everything random follows from this number.",
    "discount": "What a reward a step later counts, in advantages.",
    "learning": '"regression", weighted by exp(advantage / beta), or "gradient", a policy gradient, weighted by the advantage.',
    "beta": "Temperature of the weights exp(advantage / beta), in standard deviations of the advantage.",
    "most_weight": "Largest weight of a step; of a policy gradient the least is minus that.",
    "learning_share": "Share of the genomes of a generation that are trained, drawn at random; the elite never is.",
    "rows": "Steps that all genomes are trained on between two generations, drawn from all that were met.",
}
"""A line on every key of the table [control] of a configuration file."""

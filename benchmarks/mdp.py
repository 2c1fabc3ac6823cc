"""How long exact planning and minimization take: `python benchmarks/mdp.py`.

Each line is the median of three runs in one process. Budgets, on a 100 × 100 grid with the goal in a corner (10 000
states, 4 actions): value iteration 2 s, `coarsest_homomorphism` 20 s.
"""

from __future__ import annotations

from _timing import line, seconds

from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.homomorphism import coarsest_homomorphism, quotient
from symrl_lite.mdp import policy_evaluation, value_iteration
from symrl_lite.symmetry import audit


def main() -> None:
    """Measure and print the table."""
    corner = GridWorld(100, (0, 0))
    mdp, slippery = corner.tabular(0.99), GridWorld(100, (0, 0), slip=0.2).tabular(0.99)
    middle = GridWorld(101, (50, 50))
    table = middle.tabular(0.99)
    policy = value_iteration(mdp).policy
    chase = PredatorPrey(observation="index")
    for what, run in (
        ("GridWorld(100).tabular(), 40 000 pairs", lambda: corner.tabular()),
        ("value_iteration, 100 × 100, corner goal", lambda: value_iteration(mdp)),
        ("value_iteration, the same with slip 0.2", lambda: value_iteration(slippery)),
        ("policy_evaluation of its optimal policy", lambda: policy_evaluation(mdp, policy)),
        ("coarsest_homomorphism, 100 × 100, corner goal", lambda: coarsest_homomorphism(mdp)),
        ("coarsest_homomorphism, the same with slip 0.2", lambda: coarsest_homomorphism(slippery)),
        ("quotient by D4, 101 × 101, goal in the middle", lambda: quotient(table, middle.symmetries())),
        ("audit of D4 on the same table", lambda: audit(table, middle.symmetries())),
        ("audit of C4 on predator and prey, 250 pairs × 24 steps", lambda: audit(chase, chase.rotations())),
    ):
        line(what, seconds(run, runs=3))


if __name__ == "__main__":
    main()

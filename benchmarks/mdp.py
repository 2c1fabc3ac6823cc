"""How long exact planning and minimization take: `python benchmarks/mdp.py`.

Each line of the first table is the median of three runs in one process. Budgets, on a 100 × 100 grid with the goal in a
corner (10 000 states, 4 actions): value iteration 0.1 s, `coarsest_homomorphism` 1 s, with slip 2 s; on 300 × 300 cells
a minute and 1 GB. The second table (`rows`) holds the same against peers that run in turn, and against the memory: the
share of our time in which memory could read and write once what the work has to.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import numpy as np
from _limits import Row, bandwidth, in_turn, print_rows
from _timing import line, seconds

from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.homomorphism import coarsest_homomorphism, quotient, refine
from symrl_lite.mdp import Solution, TabularMDP, policy_evaluation, value_iteration
from symrl_lite.symmetry import audit

LARGE = """
import resource, time
import scipy.sparse.linalg
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.homomorphism import coarsest_homomorphism
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
mdp = GridWorld({size}, (0, 0), slip={slip}).tabular(0.99)
begin = time.process_time()
coarsest_homomorphism(mdp)
took = time.process_time() - begin
print(took, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def in_a_fresh_process(size: int, slip: float) -> tuple[float, float]:
    """Processor seconds of the coarsest homomorphism, and the peak of the process above its imports, in MB (Linux)."""
    program = LARGE.format(size=size, slip=slip)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    took, megabytes = done.stdout.split()
    return float(took), float(megabytes)


def textbook(mdp: TabularMDP) -> Callable[[], list[int]]:
    """Partition refinement with lists and sets; gives the block of each state."""
    S, A = mdp.rewards.shape
    entries = [mdp.rows[[k]].tocoo() for k in range(S * A)]
    table = [list(zip(row.col.tolist(), row.data.tolist(), strict=True)) for row in entries]
    rewards = mdp.rewards.ravel().tolist()

    def run() -> list[int]:
        blocks = [0] * S
        while True:
            rows = []
            for k in range(S * A):
                into: dict[int, float] = {}
                for state, probability in table[k]:
                    into[blocks[state]] = into.get(blocks[state], 0.0) + probability
                rows.append((rewards[k], frozenset((block, round(p, 9)) for block, p in into.items())))
            number: dict[object, int] = {}
            new = [number.setdefault((blocks[s], frozenset(rows[s * A : s * A + A])), len(number)) for s in range(S)]
            if len(number) == max(blocks) + 1:
                return new
            blocks = new

    return run


def dense_sweeps(mdp: TabularMDP, sweeps: int) -> Callable[[], np.ndarray]:
    """Value iteration with one dense matrix for each action."""
    P, R = np.ascontiguousarray(np.moveaxis(mdp.dense(), 1, 0)), mdp.rewards.T

    def run() -> np.ndarray:
        values = np.zeros(mdp.n_states)
        for _ in range(sweeps):
            values = np.max([R[a] + mdp.discount * (P[a] @ values) for a in range(mdp.n_actions)], axis=0)
        return values

    return run


def looped_sweeps(mdp: TabularMDP, sweeps: int) -> Callable[[], np.ndarray]:
    """Value iteration with lists and loops over what is not 0."""
    S, A = mdp.rewards.shape
    starts, states, chances = mdp.rows.indptr.tolist(), mdp.rows.indices.tolist(), mdp.rows.data.tolist()
    rewards, discount = mdp.rewards.ravel().tolist(), mdp.discount
    table = [
        [
            (rewards[k], list(zip(states[starts[k] : starts[k + 1]], chances[starts[k] : starts[k + 1]], strict=True)))
            for k in range(s * A, s * A + A)
        ]
        for s in range(S)
    ]

    def run() -> np.ndarray:
        values = [0.0] * S
        for _ in range(sweeps):
            values = [max(r + discount * sum([p * values[t] for t, p in row]) for r, row in pairs) for pairs in table]
        return np.array(values)

    return run


def table_bytes(mdp: TabularMDP) -> int:
    """Bytes of the sparse table with its rewards."""
    return int(mdp.rows.data.nbytes + mdp.rows.indices.nbytes + mdp.rows.indptr.nbytes + mdp.rewards.nbytes)


def sweep_seconds(mdp: TabularMDP, found: Solution) -> float:
    """What memory takes: each sweep reads the table and the values, and writes the values."""
    return found.sweeps * (table_bytes(mdp) + 16 * mdp.n_states) / bandwidth()


def rows(quick: bool) -> list[Row]:
    """Work, peer, seconds of both, and the limit's share of our seconds; `quick` takes smaller grids."""
    table = []
    small, middle, large = (12, 20, 50) if quick else (20, 40, 100)
    for size, slip, peer, sweeps in (
        (middle, 0.0, "dense NumPy, a matrix for each action", dense_sweeps),
        (large, 0.0, "lists and loops", looped_sweeps),
        (large, 0.2, "lists and loops", looped_sweeps),
    ):
        mdp = GridWorld(size, (0, 0), slip=slip).tabular(0.99)
        found = value_iteration(mdp)
        run = sweeps(mdp, found.sweeps)
        assert np.abs(run() - found.values).max() < 1e-9
        theirs, ours = in_turn(run, lambda: value_iteration(mdp), peer_runs=1)  # noqa: B023
        what = f"value_iteration, {size} × {size}, slip {slip:g}"
        table.append((what, peer, theirs, ours, sweep_seconds(mdp, found) / ours))
    for size, slip in ((small, 0.2), (middle, 0.0)):
        mdp = GridWorld(size, (0, 0), slip=slip).tabular(0.99)
        run_book, found_blocks = textbook(mdp), coarsest_homomorphism(mdp).state_map
        assert run_book() == found_blocks.tolist()  # both in the order in which they first occur
        theirs, ours = in_turn(run_book, lambda: coarsest_homomorphism(mdp), peer_runs=1)  # noqa: B023
        what = f"coarsest_homomorphism, {size} × {size}, slip {slip:g}"
        table.append((what, "sets and loops", theirs, ours, table_bytes(mdp) / bandwidth() / ours))
    for slip in (0.0, 0.2):
        mdp = GridWorld(large, (0, 0), slip=slip).tabular(0.99)
        theirs, ours = in_turn(
            lambda: list(refine(mdp)),  # noqa: B023
            lambda: coarsest_homomorphism(mdp),  # noqa: B023
            peer_runs=1,
        )
        what = f"coarsest_homomorphism, {large} × {large}, slip {slip:g}"
        table.append((what, "refine: all rows in all rounds", theirs, ours, table_bytes(mdp) / bandwidth() / ours))
    return table


def main() -> None:
    """Measure and print the tables."""
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
    for slip in (0.0, 0.2):
        took, megabytes = in_a_fresh_process(300, slip)
        line(f"coarsest_homomorphism, 300 × 300, slip {slip:g}, a fresh process", took)
        print(f"    peak above the imports, with the table's making: {megabytes:.0f} MB")
    print()
    print_rows(rows(quick=False))


if __name__ == "__main__":
    main()

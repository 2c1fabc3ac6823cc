"""An audit from a terminal: `python -m symrl_lite.symmetry CartPole-v1 --states "-1 -1 -1 -1" --actions "1 0"`."""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from symrl_lite.groups import FiniteGroup, Representation
from symrl_lite.mdp import TabularMDP
from symrl_lite.symmetry.auditing import audit
from symrl_lite.symmetry.report import AuditReport
from symrl_lite.symmetry.symmetry import Symmetry

__all__ = ["main"]

_ABOUT = """\
Step an environment from states and from their images, and say whether a guess is a symmetry of it.

A move of vectors (states, and actions of a Box) is a list of signs, "-1 -1 -1 -1", or a signed permutation,
"0 -2 1": entry i of the image is the entry with the i-th number, with its sign (0, minus 2, 1). A move of numbers
(states and actions of a Discrete) lists what becomes of each: "1 0" swaps actions 0 and 1. Several moves, one
--states and one --actions each, make a group together."""

_EXAMPLES = """\
examples:
  python -m symrl_lite.symmetry CartPole-v1 --states "-1 -1 -1 -1" --actions "1 0"
  python -m symrl_lite.symmetry Pendulum-v1 --states "-1 -1" --actions "-1" --attribute state
  python -m symrl_lite.symmetry Walker2d-v5 --atol 1e-9 --actions "3 4 5 0 1 2" \\
      --states "0 1 2 6 7 8 3 4 5 9 10 11 15 16 17 12 13 14"

It ends with 0 if no counterexample was found, with 1 if one was, with 2 if nothing could be audited. Environments of a
package that has to be imported are written package:name, such as symrl_lite.envs:symrl/PredatorPrey-v0."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit what the command line names, and print the report."""
    given = _parser().parse_args(arguments)
    try:
        report = audit_of(given)
    except Exception as error:  # whatever an environment raises, this ends in one sentence
        print(f"symrl_lite.symmetry: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(report)
    return 0 if report.holds else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m symrl_lite.symmetry",
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("environment", help="as gymnasium.make takes it")
    parser.add_argument("--states", action="append", required=True, metavar="MOVE", help="what becomes of states")
    parser.add_argument("--actions", action="append", metavar="MOVE", help="what becomes of actions (they stay)")
    parser.add_argument(
        "--make", action="append", default=[], metavar="KEY=VALUE", help="for gymnasium.make, in JSON or Python"
    )
    parser.add_argument("--attribute", help="where the state stands in the environment if it does not show it")
    parser.add_argument("--samples", type=int, default=50, help="states from random play (50)")
    parser.add_argument("--draws", type=int, default=6, help="actions drawn from a Box (6)")
    parser.add_argument("--atol", type=float, help="the largest error that counts as none")
    parser.add_argument("--seed", type=int, default=0, help="of random play and of the environment (0)")
    return parser


def audit_of(given: argparse.Namespace) -> AuditReport:
    """The report that parsed arguments ask for."""
    import gymnasium
    from gymnasium.spaces import Discrete

    env: Any = gymnasium.make(given.environment, **dict(_setting(text) for text in given.make))
    try:
        actions = given.actions or [None] * len(given.states)
        if len(actions) != len(given.states):
            raise ValueError(f"{len(given.states)} times --states and {len(actions)} times --actions, expected as many")
        access: dict[str, Any] = {}
        if given.attribute:
            access = {
                "set_state": lambda base, state: setattr(base, given.attribute, state),
                "get_state": lambda base: getattr(base, given.attribute),
            }
        states = _Moves(given.states, _state_space(env, given.attribute), "--states")
        moves = None if given.actions is None else _Moves(given.actions, env.action_space, "--actions")
        symmetry = symmetry_of(states, moves, given.environment)
        if isinstance(env.observation_space, Discrete) and hasattr(env.unwrapped, "P") and not given.attribute:
            table = TabularMDP.from_gymnasium(env, 0.9)  # the discount is no part of what is audited
            return audit(table, symmetry, atol=given.atol)
        numbers = {name: getattr(given, name) for name in ("samples", "draws", "atol", "seed")}
        return audit(env, symmetry, **numbers, **access)
    finally:
        env.close()


def _setting(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not (key.isidentifier() and equals):
        raise ValueError(f"--make {text!r}, expected KEY=VALUE")
    for read in (json.loads, ast.literal_eval):  # true, and (2, 2)
        try:
            return key, read(value)
        except (ValueError, SyntaxError):
            continue
    return key, value  # a bare word


def _state_space(env: Any, attribute: str | None) -> Any:
    """The space of what is moved: observations, an attribute, or positions and velocities of MuJoCo."""
    from gymnasium.spaces import Box

    env.reset(seed=0)
    data: Any = getattr(env.unwrapped, "data", None)
    if attribute:
        if not hasattr(env.unwrapped, attribute):
            raise ValueError(f"{env.unwrapped!r} has no attribute {attribute!r}")
        return Box(-np.inf, np.inf, np.shape(getattr(env.unwrapped, attribute)))
    if hasattr(data, "qpos") and hasattr(data, "qvel"):
        return Box(-np.inf, np.inf, (data.qpos.size + data.qvel.size,))
    return env.observation_space


class _Moves:
    """Moves of the points of a space: of the numbers of a Discrete, or of ± each unit vector of a Box."""

    def __init__(self, texts: Sequence[str], space: Any, what: str) -> None:
        from gymnasium.spaces import Box, Discrete

        if isinstance(space, Discrete):
            self.n, self.signed, self.start = int(space.n), False, int(space.start)
        elif isinstance(space, Box) and len(space.shape) == 1:
            self.n, self.signed, self.start = int(space.shape[0]), True, 0
        else:
            raise ValueError(f"{what} moves vectors and numbers, and here is {space}: write a Symmetry in Python")
        self.points = [self._read(text, what) for text in texts]

    def _read(self, text: str, what: str) -> list[int]:
        entries = text.replace(",", " ").split()
        if len(entries) != self.n or not all(re.fullmatch(r"[+-]?\d+", entry) for entry in entries):
            kind = "signs or numbers with signs" if self.signed else f"numbers, what becomes of 0 to {self.n - 1}"
            raise ValueError(f"{what} {text!r}, expected {self.n} {kind}")
        numbers = [abs(int(entry)) for entry in entries]
        negative = [entry.startswith("-") for entry in entries]
        if self.signed and set(numbers) == {1}:  # signs alone
            numbers = list(range(self.n))
        if sorted(numbers) != list(range(self.n)) or (any(negative) and not self.signed):
            raise ValueError(f"{what} {text!r} is no {'signed ' * self.signed}permutation of 0 to {self.n - 1}")
        if not self.signed:
            return numbers
        points = [0] * (2 * self.n)  # point j is the unit vector e_j, point n + j is -e_j
        for i, (j, minus) in enumerate(zip(numbers, negative, strict=True)):
            points[j], points[self.n + j] = (self.n + i, i) if minus else (i, self.n + i)
        return points

    def action(self, group: FiniteGroup, images: np.ndarray) -> Any:
        """The images (|G|, points) as a Representation of vectors, or as a function of numbers."""
        if not self.signed:

            def moved(g: int, s: Any) -> Any:
                index = int(s) - self.start
                return type(s)(images[g][index] + self.start) if index < self.n else s  # a table has the end as well

            return moved
        rows, signs = images[:, : self.n] % self.n, np.where(images[:, : self.n] < self.n, 1.0, -1.0)
        matrices = np.zeros((group.order, self.n, self.n))
        g, j = np.indices(rows.shape)
        matrices[g, rows, j] = signs
        return Representation(group, matrices)

    def on_values(self, group: FiniteGroup, images: np.ndarray) -> Any:
        """The images as a Representation: of action values where they are of numbers."""
        if self.signed:
            return self.action(group, images)
        return Representation(group, np.eye(self.n)[images].transpose(0, 2, 1))  # column a is the unit vector of g·a


def symmetry_of(states: _Moves, actions: _Moves | None, name: str) -> Symmetry:
    """The group that the moves make, with its actions."""
    both = [p + [len(p) + i for i in (actions.points[k] if actions else [])] for k, p in enumerate(states.points)]
    identity = tuple(range(len(both[0])))
    letters = "g" if len(both) == 1 else "abcdefghijklmnopqrstuvwxyz"
    reached = {identity: ""}  # permutation -> the shortest word that makes it
    for word in _words(reached, both, letters):
        if len(reached) > 1000:
            raise ValueError(f"the moves make a group of more than 1000 elements ({word} ...): a slip in one of them?")
    found = list(reached)
    index = {p: g for g, p in enumerate(found)}
    table = [[index[tuple(p[i] for i in q)] for q in found] for p in found]  # (gh)(i) = g(h(i))
    group = FiniteGroup(table, [_short(reached[p]) for p in found], f"group of order {len(found)}")
    images, split = np.array(found), len(states.points[0])
    return Symmetry(
        group,
        states.action(group, images[:, :split]),
        None if actions is None else actions.on_values(group, images[:, split:] - split),
        f"{name}, {group.name}",
    )


def _words(reached: dict[tuple[int, ...], str], moves: list[list[int]], letters: str) -> Any:
    """Fill `reached` with all products, the shortest words first; each new word is yielded."""
    frontier = list(reached)
    while frontier:
        found = []
        for p in frontier:
            for letter, move in zip(letters, moves, strict=False):
                product = tuple(move[i] for i in p)  # first p, then the move
                if product not in reached:
                    reached[product] = letter + reached[p]
                    found.append(product)
                    yield reached[product]
        frontier = found


def _short(word: str) -> str:
    """A word with powers: "aab" is "a2b"; the empty one is "e"."""
    return re.sub(r"(.)\1+", lambda run: f"{run[1]}{len(run[0])}", word) or "e"

"""What an audit found, for people."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from symrl_lite.symmetry.symmetry import Symmetry


__all__ = ["AuditReport"]


@dataclass(frozen=True, eq=False)
class AuditReport:
    """The reward and transition error of every group element, and what was seen while they were measured.

    >>> from symrl_lite.envs.gridworld import GridWorld
    >>> from symrl_lite.symmetry import audit
    >>> audit(GridWorld(size=3).tabular(), GridWorld(size=3).symmetries()).holds
    True
    """

    symmetry: Symmetry
    rewards: np.ndarray  # (|G|,)
    transitions: np.ndarray  # (|G|,)
    worst: tuple[str, ...]  # for each element the pair with the largest error; empty where there is none
    allowed: np.ndarray  # (2, |G|): errors up to these count as none, of rewards and of transitions
    what: str  # what was tried
    # Of an environment alone; zero and None for a table, where everything is tried:
    states: int = 0  # how many states were stepped from
    rewarded: int = 0  # from how many of them a step earned another reward than the usual one
    ended: int = 0  # from how many of them a step ended the episode
    usual: float | None = None  # the reward that most steps earned; of a Box, with the first action
    earned: tuple[float, float] | None = None  # the lowest and the highest reward, of a Box alone
    bounds: tuple[str, ...] = ()  # for each element which bounds of the Box it does not keep; empty where all do

    @property
    def holds(self) -> bool:
        """Whether no element has an error, and none takes actions out of their bounds.

        Of a table that is a proof. Of an environment it says that no counterexample was among the pairs that were
        tried: a symmetry that a far goal breaks is not found out in states from which nothing is earned and nothing
        ends. Look at `rewarded` and `ended`; where both are 0, nothing but the way states move was tested, and states
        near goals and ends are needed: `audit(..., states=...)`.
        """
        return not self.broken_by

    @property
    def broken_by(self) -> tuple[str, ...]:
        """Names of the elements with an error, or that take actions out of their bounds."""
        fine = np.asarray((np.stack([self.rewards, self.transitions]) <= self.allowed).all(axis=0))
        if self.bounds:
            fine &= [not passed for passed in self.bounds]
        return tuple(name for name, kept in zip(self.symmetry.group.names, fine.tolist(), strict=True) if not kept)

    def _verdict(self) -> str:
        name = self.symmetry.name or self.symmetry.group.name
        if self.usual is None:
            return f"{name}: {'a symmetry' if self.holds else 'no symmetry'} ({self.what})"
        if self.holds and not self.rewarded and not self.ended:
            earned = "anything" if self.usual == 0 else f"anything but the usual {self.usual:.3g}"
            if self.earned is not None and self.earned[0] < self.earned[1]:
                earned = "anything but what the action alone costs"
            return (
                f"{name}: no counterexample in {self.states} states, none of which earned {earned} or ended "
                f"({self.what}); give states=... near goals and ends"
            )
        rewards = f"{self.rewarded} with a reward other than {self.usual:.3g}"
        if self.earned is not None and self.earned[0] < self.earned[1]:
            rewards = f"rewards from {self.earned[0]:.3g} to {self.earned[1]:.3g}"
        return (
            f"{name}: {'a symmetry' if self.holds else 'no symmetry'} ({self.what}; {self.states} states: {rewards}, "
            f"{self.ended} with an end)"
        )

    def _rows(self) -> list[tuple[str, str, str, str]]:
        errors = np.stack([self.rewards, self.transitions])
        wrong = np.asarray((errors > self.allowed).any(axis=0))
        rows = []
        for g, name in enumerate(self.symmetry.group.names):
            words = [f"worst at {self.worst[g]}"] if wrong[g] and self.worst[g] else []
            words += [self.bounds[g]] if self.bounds and self.bounds[g] else []
            rows.append((name, f"{errors[0, g]:.3g}", f"{errors[1, g]:.3g}", "; ".join(words)))
        return rows

    def __repr__(self) -> str:
        rows = [("element", "reward error", "transition error", ""), *self._rows()]
        width = max(len(row[0]) for row in rows)
        table = [f"  {g:<{width}}  {reward:>12}  {moved:>16}  {worst}".rstrip() for g, reward, moved, worst in rows]
        return "\n".join([self._verdict(), *table])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th scope='row'>{escape(g)}</th><td>{reward}</td><td>{moved}</td>"
            f"<td style='text-align:left'>{escape(worst)}</td></tr>"
            for g, reward, moved, worst in self._rows()
        )
        return (
            f"<table><caption>{escape(self._verdict())}</caption><thead><tr><th scope='col'>element</th>"
            "<th scope='col'>reward error</th><th scope='col'>transition error</th><th scope='col'></th></tr></thead>"
            f"<tbody>{rows}</tbody></table>"
        )

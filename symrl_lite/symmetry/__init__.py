"""The course's central object, a finite group that acts on states and on actions; and whether it is a symmetry."""

from symrl_lite.symmetry.auditing import audit
from symrl_lite.symmetry.augmenting import augment
from symrl_lite.symmetry.permutations import permutations_of
from symrl_lite.symmetry.report import AuditReport
from symrl_lite.symmetry.symmetry import Symmetry

__all__ = ["AuditReport", "Symmetry", "audit", "augment", "permutations_of"]

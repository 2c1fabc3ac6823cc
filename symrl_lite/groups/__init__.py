"""Finite groups and their representations, in NumPy: tables, actions, orbits, and group elements as matrices.

Groups act on the left, (gh)·x = g·(h·x); vectors are columns. Wherever a function takes an element it takes an index
or a name; elements that come back are indices. Element 0 is the identity.

- Test a table: `check_axioms(table)`.
- Make a group: `FiniteGroup(table)`, `cyclic(n)`, `dihedral(n)`, `symmetric(n)`, `direct_product(G, H)`.
- See what it moves: `orbits(G, action, points)`, `stabilizer(G, action, point)`.
- Write it as matrices: `Representation(G, matrices)`, `trivial`, `regular`, `permutation`, `rotation_2d`.
- See what they are made of: `block_form(rho)`.

>>> G = dihedral(4)
>>> G.names[G.multiply("r", "s")], len(orbits(G, lambda g, x: x, [1, 2])), regular(G).dimension
('rs', 2, 8)
"""

from symrl_lite.groups.axioms import AxiomReport, check_axioms
from symrl_lite.groups.blocks import BlockForm, block_form
from symrl_lite.groups.finite_group import Element, FiniteGroup
from symrl_lite.groups.named import cyclic, dihedral, direct_product, orbits, stabilizer, symmetric
from symrl_lite.groups.representations import Representation, permutation, regular, rotation_2d, trivial

__all__ = [
    "AxiomReport",
    "BlockForm",
    "Element",
    "FiniteGroup",
    "Representation",
    "block_form",
    "check_axioms",
    "cyclic",
    "dihedral",
    "direct_product",
    "orbits",
    "permutation",
    "regular",
    "rotation_2d",
    "stabilizer",
    "symmetric",
    "trivial",
]

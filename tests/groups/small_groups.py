"""All groups of order up to 24, by cyclic extensions: every one of them is solvable.

A group of order n with a normal subgroup N of prime index p is N · {1, t, ..., t^(p−1)} with t x t⁻¹ = s(x) for an
automorphism s of N, and t^p = v in N with s(v) = v and s^p(x) = v x v⁻¹. All s and v are tried, for all N.
"""

from functools import lru_cache
from itertools import product

import numpy as np

from symrl_lite.groups import FiniteGroup

# How many there are of order 1, 2, 3, ...: Besche, Eick & O'Brien 2002, A millennium project.
NUMBERS = [1, 1, 1, 2, 1, 2, 1, 5, 2, 2, 1, 5, 1, 2, 1, 14, 1, 5, 1, 5, 2, 2, 1, 15]


@lru_cache
def small_groups():
    """One of each, by order."""
    tables = {1: [np.zeros((1, 1), dtype=int)]}
    for order in range(2, len(NUMBERS) + 1):
        found = {}
        for p in (p for p in range(2, order + 1) if order % p == 0 and all(p % q for q in range(2, p))):
            for table in tables[order // p]:
                for extended in extensions(table, p):
                    found.setdefault(fingerprint(extended), extended)
        tables[order] = list(found.values())
    return [FiniteGroup(table, name=f"{n}.{k}") for n, of_order in tables.items() for k, table in enumerate(of_order)]


def extensions(table, p):
    """The tables of all cyclic extensions of a group, of index p; x t^k is element k · |N| + x."""
    m = len(table)
    inverse = np.argmin(table, axis=1)
    for s in automorphisms(table):
        powers = [np.arange(m)]
        for _ in range(p):
            powers.append(s[powers[-1]])
        for v in (v for v in range(m) if s[v] == v and (powers[p] == table[table[v], inverse[v]]).all()):
            larger = np.empty((m * p, m * p), dtype=int)
            for i, j in product(range(p), repeat=2):
                x = table[:, powers[i]]  # x t^i y t^j = x s^i(y) t^(i + j)
                x = x if i + j < p else table[x, v]
                larger[i * m : (i + 1) * m, j * m : (j + 1) * m] = (i + j) % p * m + x
            yield larger


def automorphisms(table):
    """Images of a few generators decide; each choice that gives an automorphism."""
    group = FiniteGroup(table)
    of_order = orders(table)
    generators = group.generators
    words, waiting = {0: ()}, [0]
    for a in waiting:
        for k, s in enumerate(generators):
            if (b := int(table[a, s])) not in words:
                words[b] = (*words[a], k)
                waiting.append(b)
    for images in product(*[np.flatnonzero(of_order == of_order[g]) for g in generators]):
        s = np.zeros(len(table), dtype=int)
        for a, word in words.items():
            for k in word:
                s[a] = table[s[a], images[k]]
        if len(set(s.tolist())) == len(s) and (s[table] == table[np.ix_(s, s)]).all():
            yield s


def orders(table):
    """The order of each element."""
    found = np.zeros(len(table), dtype=int)
    power = np.arange(len(table))
    for k in range(1, len(table) + 1):
        found[(power == 0) & (found == 0)] = k
        power = table[power, np.arange(len(table))]
    return found


def fingerprint(table):
    """What isomorphic groups have in common, and no two of these groups do that are not."""
    of = orders(table)
    commuting, roots = (table == table.T).sum(axis=1), np.bincount(np.diag(table), minlength=len(table))
    each = zip(of, commuting, roots, of[table].sum(axis=1), (of[table] ** 2 * of[:, None]).sum(axis=1), strict=True)
    return len(table), tuple(sorted(tuple(map(int, row)) for row in each))

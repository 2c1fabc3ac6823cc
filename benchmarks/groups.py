"""How long groups, their representations and the bare import take: `python benchmarks/groups.py`.

Each line is the median of several runs in one process (the import: of several processes). The machine is noisy;
read the ratios. Budgets: the import 0.2 s, a group of up to 200 elements 1 s.
"""

from __future__ import annotations

import subprocess
import sys

from _timing import line, seconds

from symrl_lite.groups import cyclic, dihedral, direct_product, regular, symmetric


def main() -> None:
    """Measure and print the table."""
    bare = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    imported = seconds(lambda: subprocess.run([sys.executable, "-c", "import symrl_lite"], check=True))
    module = seconds(lambda: subprocess.run([sys.executable, "-c", "import symrl_lite.groups"], check=True))
    S5 = symmetric(5)
    rows = [
        ("import symrl_lite, beyond Python's own start", imported - bare),
        ("import symrl_lite.groups (NumPy among it)", module - bare),
        ("cyclic(200)", seconds(lambda: cyclic(200))),
        ("dihedral(100), 200 elements", seconds(lambda: dihedral(100))),
        ("symmetric(5), 120 elements", seconds(lambda: symmetric(5))),
        ("direct_product(symmetric(4), dihedral(4)), 192", seconds(lambda: direct_product(symmetric(4), dihedral(4)))),
        ("regular(symmetric(5)), 120 × 120 × 120", seconds(lambda: regular(S5))),
    ]
    for what, took in rows:
        line(what, took)


if __name__ == "__main__":
    main()

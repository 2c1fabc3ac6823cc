"""How long bases take, and equivariant layers against plain ones of the same size: `python benchmarks/layers.py`.

Memory is the peak of what Python and NumPy hold for the basis, in a fresh process. Ratios of layers: medians of pairs
that run one after the other in one process. Budgets: `weight_orbits` of a 1024 × 1024 weight 1 s and 200 MB; a layer,
forward and backward, twice the time of the plain one.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from symrl_lite.groups import dihedral, regular
from symrl_lite.layers import EquivariantLinear, GroupConv2d

MEASURE = """
import time, tracemalloc
from symrl_lite.groups import cyclic, dihedral, regular, symmetric
from symrl_lite.symmetrizer import equivariant_basis, weight_orbits
rho = regular({group})
for _ in range({doublings}):
    rho = rho + rho
weight_orbits(regular(cyclic(2)), regular(cyclic(2)))
equivariant_basis(regular(cyclic(2)), regular(cyclic(2)), method="svd", seed=0)
begin = time.perf_counter()
{call}
took = time.perf_counter() - begin
tracemalloc.start()
{call}
print(took, tracemalloc.get_traced_memory()[1] / 2**20)
"""


def basis(group: str, doublings: int, call: str) -> tuple[float, float]:
    """Median seconds and largest MB of three fresh processes."""
    program = MEASURE.format(group=group, doublings=doublings, call=call)
    runs = []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        runs.append(tuple(float(word) for word in done.stdout.split()))
    return median(run[0] for run in runs), max(run[1] for run in runs)


def step(module: nn.Module, x: Tensor) -> Callable[[], None]:
    """One forward and backward pass."""

    def run() -> None:
        module.zero_grad(set_to_none=True)
        module(x).square().sum().backward()

    return run


def ratio(first: Callable[[], None], second: Callable[[], None], pairs: int = 40) -> tuple[float, float]:
    """Median seconds of the first, and median ratio of neighbouring runs."""
    times = []
    for run in (first, second):
        run()
    for _ in range(pairs):
        marks = [time.perf_counter()]
        for run in (first, second):
            run()
            marks.append(time.perf_counter())
        times.append((marks[1] - marks[0], marks[2] - marks[1]))
    return median(a for a, _ in times), median(a / b for a, b in times)


def main() -> None:
    """Measure and print the tables."""
    print(f"{'basis':56} {'seconds':>9} {'MB':>6}")
    for group in ("cyclic(4)", "dihedral(4)", "symmetric(4)"):
        for method in ("svd", "orbits"):
            took, memory = basis(group, 0, f"equivariant_basis(rho, rho, method={method!r}, seed=0)")
            print(f"{f'regular({group}), {method}':56} {took:9.4f} {memory:6.0f}")
    for doublings, size in ((3, 64), (5, 256), (7, 1024)):
        took, memory = basis("dihedral(4)", doublings, "weight_orbits(rho, rho)")
        print(f"{f'weight_orbits, {size} × {size} under D4':56} {took:9.4f} {memory:6.0f}")

    print(f"\n{'layer, forward and backward, one thread':56} {'ms':>9} {'ratio':>6}")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    D4 = dihedral(4)
    for channels, batch in ((8, 64), (16, 64), (16, 512), (32, 512)):
        layer = EquivariantLinear(regular(D4), regular(D4), channels, channels)
        plain = nn.Linear(8 * channels, 8 * channels)
        x = torch.randn(batch, channels, 8, requires_grad=True)
        flat = x.detach().flatten(1).requires_grad_()
        took, times = ratio(step(layer, x), step(plain, flat))
        what = f"EquivariantLinear {8 * channels} → {8 * channels}, batch {batch}"
        print(f"{what:56} {1000 * took:9.2f} {times:6.2f}")
    for channels, batch, size in ((4, 16, 21), (8, 16, 21), (8, 64, 21)):
        conv = GroupConv2d(D4, channels, channels, 3, padding=1)
        plain_conv = nn.Conv2d(8 * channels, 8 * channels, 3, padding=1)
        x = torch.randn(batch, channels, 8, size, size, requires_grad=True)
        flat = x.detach().flatten(1, 2).requires_grad_()
        took, times = ratio(step(conv, x), step(plain_conv, flat), pairs=15)
        what = f"GroupConv2d, {8 * channels} maps {size} × {size}, 3 × 3, batch {batch}"
        print(f"{what:56} {1000 * took:9.2f} {times:6.2f}")


if __name__ == "__main__":
    main()

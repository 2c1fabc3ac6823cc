"""How long bases take, and equivariant layers against plain ones of the same size: `python benchmarks/layers.py`.

Memory is the peak of what Python and NumPy hold for the basis, in a fresh process. Layers: median seconds of the
processor on one thread, each run after one of the plain layer; the limit is the matrix products alone that the plain
layer needs (forward, and for the gradients of inputs and weights), so that a layer with fewer products can pass 100 %.
Budgets: `weight_orbits` of a 1024 × 1024 weight 1 s and 200 MB; a layer of 64 to 512 units 1.1 times as long as the
plain one, one of D4 with 512 units 0.75 times, with 1024 units 0.6 times.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from statistics import median
from typing import Any

import torch
from _limits import Row, in_turn, print_rows, processor_seconds
from torch import Tensor, nn

from symrl_lite.envs.cartpole import reflection
from symrl_lite.groups import cyclic, dihedral, regular
from symrl_lite.layers import EquivariantLinear, GroupConv2d
from symrl_lite.policies import equivariant_mlp, mlp_policy

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
    """One forward and backward pass, with the gradient of the input as in the middle of a network."""

    def run() -> None:
        module.zero_grad(set_to_none=True)
        x.grad = None
        module(x).square().sum().backward()

    return run


def often(run: Callable[[], Any]) -> tuple[Callable[[], None], int]:
    """The call so many times that it lasts 20 ms, and how many times that is."""
    run()
    times = max(1, round(0.02 / max(processor_seconds(run), 1e-5)))

    def repeated() -> None:
        for _ in range(times):
            run()

    return repeated, times


def compared(
    plain: Callable[[], Any], ours: Callable[[], Any], limit: Callable[[], Any], runs: int
) -> tuple[float, float, float]:
    """Seconds of the plain one and of ours, in turn, and the limit's share of ours."""
    repeated, times = often(plain)
    again = repeated_as_often(ours, times)
    theirs, own = in_turn(repeated, again, runs, runs)
    bare, _ = in_turn(repeated_as_often(limit, times), again, runs, runs)
    return theirs / times, own / times, bare / own


def repeated_as_often(run: Callable[[], Any], times: int) -> Callable[[], None]:
    """The call so many times."""

    def repeated() -> None:
        for _ in range(times):
            run()

    return repeated


def products(batch: int, units: int) -> Callable[[], None]:
    """The three products of a dense layer: outputs, and the gradients of inputs and of the weight."""
    x, y, W = torch.randn(batch, units), torch.randn(batch, units), torch.randn(units, units)

    def run() -> None:
        x @ W.t(), y @ W, y.t() @ x

    return run


def linear_rows(quick: bool) -> list[Row]:
    """EquivariantLinear between regular representations against nn.Linear."""
    table = []
    runs = 7 if quick else 25
    for group in (cyclic(2), cyclic(4), dihedral(4)):
        for units in (64, 128, 256, 512, 1024):
            channels, batch = units // group.order, 256
            layer, plain = (
                EquivariantLinear(regular(group), regular(group), channels, channels),
                nn.Linear(units, units),
            )
            x = torch.randn(batch, channels, group.order, requires_grad=True)
            flat = x.detach().flatten(1).requires_grad_()
            found = compared(step(plain, flat), step(layer, x), products(batch, units), runs)
            table.append((f"EquivariantLinear, {group.name}, {units} units, batch {batch}", "nn.Linear", *found))
    return table


def convolution_rows(quick: bool) -> list[Row]:
    """GroupConv2d against nn.Conv2d with as many maps; the limit is the plain convolution."""
    table = []
    runs = 5 if quick else 11
    for channels, batch, size in ((8, 16, 21), (32, 4, 21), (64, 4, 9)):
        conv, maps = GroupConv2d(dihedral(4), channels, channels, 3, padding=1), 8 * channels
        plain = nn.Conv2d(maps, maps, 3, padding=1)
        x = torch.randn(batch, channels, 8, size, size, requires_grad=True)
        flat = x.detach().flatten(1, 2).requires_grad_()
        theirs, ours = in_turn(step(plain, flat), step(conv, x), runs, runs)
        what = f"GroupConv2d, D4, {channels} channels, {size} × {size}, batch {batch}"
        table.append((what, "nn.Conv2d", theirs, ours, theirs / ours))
    return table


def acting_rows(quick: bool) -> list[Row]:
    """One state, no gradients: what a policy costs that acts."""
    policy, plain = equivariant_mlp(reflection()).eval(), mlp_policy(4, 2, (128, 128)).eval()
    state, sizes = torch.randn(1, 4), ((4, 128), (128, 128), (128, 3))
    weights = [(torch.randn(1, a), torch.randn(b, a)) for a, b in sizes]
    with torch.no_grad():
        found = compared(
            lambda: plain(state), lambda: policy(state), lambda: [x @ W.t() for x, W in weights], 7 if quick else 25
        )
        return [("equivariant_mlp acts, one state", "mlp_policy, as many units", *found)]


def rows(quick: bool) -> list[Row]:
    """Work, peer, seconds of both, and the limit's share of our seconds; `quick` takes fewer runs."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    return [*linear_rows(quick), *convolution_rows(quick), *acting_rows(quick)]


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
    print("\nlayers, forward and backward, one thread")
    print_rows(rows(quick=False))


if __name__ == "__main__":
    main()

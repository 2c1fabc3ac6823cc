"""How fast boards are played and models trained, beside the published architecture and its data path.

    python benchmarks/structured.py                  # two minutes
    python benchmarks/structured.py --original FILE  # the published one is trained too, to 98 %; some five hours

The long training keeps its state in FILE after every hundred updates. It may be stopped at any time, and goes on there.

The published side has the same pictures and loss; its networks have 512 hidden units, every pair of objects is computed
by itself, batches have 1024 samples, and a sample is fetched one at a time as floating-point numbers.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from _limits import Row, print_rows, processor_seconds, product_rate
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from symrl_lite.data import Episodes, record_episodes
from symrl_lite.envs.shapes import Shapes
from symrl_lite.structured import (
    StructuredModel,
    StructuredSettings,
    contrastive_energy_loss,
    energy,
    rank_rollouts,
    ranking_metrics,
    train_structured,
)

K, ACTIONS, HIDDEN, BATCH = 5, 4, 512, 1024
EVERY = 100  # updates between two looks at the published one
LONG = 10_000  # about as many as the published training makes


def perceptron(inputs: int, outputs: int) -> nn.Sequential:
    """Two hidden layers, the second one normalised."""
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.LayerNorm(HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, outputs),
    )


class Original(nn.Module):
    """The architecture of Kipf et al. 2020 for 2-D shapes (small encoder), pair by pair."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(3, HIDDEN // 16, 10, 10), nn.BatchNorm2d(HIDDEN // 16), nn.ReLU(), nn.Conv2d(HIDDEN // 16, K, 1)
        )
        self.encoder, self.edge = perceptron(25, 2), perceptron(4, HIDDEN)
        self.node = perceptron(2 + ACTIONS + HIDDEN, 2)
        pairs = np.nonzero(~np.eye(K, dtype=bool))
        self.receiver, self.sender = (torch.from_numpy(numbers) for numbers in pairs)  # (20,) each
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.xavier_uniform_(layer.weight)

    def encode(self, pictures: Tensor) -> Tensor:
        """(batch, 3, 50, 50) from 0 to 1 -> (batch, 5, 2)."""
        return self.encoder(self.maps(pictures).sigmoid().flatten(2))

    def step(self, z: Tensor, actions: Tensor) -> Tensor:
        """(batch, 5, 2) and (batch,) -> (batch, 5, 2)."""
        told = nn.functional.one_hot(actions, K * ACTIONS).float().unflatten(1, (K, ACTIONS))
        messages = self.edge(torch.cat([z[:, self.receiver], z[:, self.sender]], dim=2))  # (batch, 20, hidden)
        heard = torch.zeros(len(z), K, HIDDEN).index_add(1, self.receiver, messages)
        return z + self.node(torch.cat([z, told, heard], dim=2))


def fetch(data: Episodes, random: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """A batch, gathered one sample at a time."""
    samples = []
    for _ in range(BATCH):
        e, t = random.integers(len(data)), random.integers(data.actions.shape[1])
        pair = [torch.from_numpy(data.observations[e, t + i].astype(np.float32) / 255) for i in (0, 1)]
        samples.append((*pair, torch.tensor(data.actions[e, t])))
    before, after, actions = (torch.stack(part) for part in zip(*samples, strict=True))
    return before, after, actions


def original_update(
    model: Original, optimizer: torch.optim.Optimizer, data: Episodes, random: np.random.Generator
) -> None:
    """One update of the published training."""
    before, after, actions = fetch(data, random)
    z, z_next = model.encode(before), model.encode(after)
    negative = energy(z[torch.from_numpy(random.permutation(BATCH))], z)
    loss = contrastive_energy_loss(energy(model.step(z, actions), z_next), negative)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def original_hits(model: Original, test: Episodes) -> float:
    """H@1 after ten steps."""
    with torch.no_grad():
        model.eval()
        first, last = (torch.from_numpy(test.observations[:, t].astype(np.float32) / 255) for t in (0, 10))
        z = model.encode(first)
        for actions in torch.from_numpy(test.actions).T:
            z = model.step(z, actions)
        true = model.encode(last)
        model.train()
    return ranking_metrics(z.numpy(), true.numpy(), test.state_numbers[:, 10]).hits_at_1


def train_original(data: Episodes, test: Episodes, updates: int, keep: Path | None = None) -> tuple[float, float]:
    """CPU seconds per sample; and seconds until 98 % after ten steps, if there is time for that (else infinite).

    With `keep`, a file, it goes on from what is there, and writes there.
    """
    torch.manual_seed(0)
    model, random = Original(), np.random.default_rng(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    done, spent = 0, 0.0
    if keep is not None and keep.exists():
        kept = torch.load(keep, weights_only=False)  # our own file
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        random.bit_generator.state = kept["random"]
        done, spent = kept["done"], kept["spent"]
        print(f"    going on after {done} updates, {spent:.0f} s", flush=True)
    for update in range(done + 1, updates + 1):
        began = time.process_time()
        original_update(model, optimizer, data, random)
        spent += time.process_time() - began
        if update % EVERY == 0:
            hits = original_hits(model, test)
            print(f"    {update} updates, {spent:.0f} s: {100 * hits:.1f} % after ten steps", flush=True)
            if keep is not None:
                parts = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
                state = {**parts, "random": random.bit_generator.state, "done": update, "spent": spent}
                torch.save(state, keep.with_suffix(".part"))
                keep.with_suffix(".part").replace(keep)  # whole, or not there
            if hits >= 0.98:
                return spent / update / BATCH, spent
    return spent / max(updates, done) / BATCH, float("inf")


def train_ours(data: Episodes, test: Episodes) -> tuple[float, float, float]:
    """CPU seconds per sample; seconds until 98 % after ten steps; and the share at the end."""
    settings, spent = StructuredSettings(), []
    reached = [float("inf"), 0.0]
    began = time.process_time()

    def look(update: int, seed: int, model: StructuredModel) -> None:
        nonlocal began
        spent.append(time.process_time() - began)
        reached[1] = rank_rollouts(model, test, [10])[10].hits_at_1
        if reached[1] >= 0.98:
            reached[0] = min(reached[0], sum(spent))
        model.train()
        began = time.process_time()

    train_structured(data, [0], settings, progress=False, every=250, after=look)
    return sum(spent) / settings.updates / settings.batch_size, reached[0], reached[1]


def multiplied(run: Callable[[], object]) -> float:
    """Floating-point operations of the products and convolutions in one call."""
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


def rows(quick: bool) -> list[Row]:
    """Seconds of 1000 samples of training, of the published architecture and data path and of ours.

    The limit is one product of large matrices with as many operations as one of our updates has.
    """
    torch.set_num_threads(1)
    data = record_episodes(Shapes().copies, 100, 100, seed=0)

    def train(updates: int) -> None:
        train_structured(data, [0], StructuredSettings(updates=updates), progress=False)

    train(2)  # imports, and what torch prepares once
    many = 200 if quick else 1000
    first, every = processor_seconds(lambda: train(1)), processor_seconds(lambda: train(1 + many))
    size = StructuredSettings().batch_size
    ours = (every - first) / many / size
    operations = multiplied(lambda: train(2)) - multiplied(lambda: train(1))
    torch.manual_seed(0)
    model, random = Original(), np.random.default_rng(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    began = time.process_time()
    for _ in range(2):
        original_update(model, optimizer, data, random)
    theirs = (time.process_time() - began) / 2 / BATCH
    limit = operations / size / product_rate()
    return [
        (
            "train_structured, 1000 samples of shapes",
            "published architecture and data path",
            1000 * theirs,
            1000 * ours,
            limit / ours,
        )
    ]


def given_file() -> Path | None:
    """The file after --original."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", metavar="FILE", type=Path)
    found: Path | None = parser.parse_args().original
    return found


def main() -> None:
    """Print the table."""
    keep = given_file()
    torch.set_num_threads(1)
    data = record_episodes(Shapes().copies, 300, 100, seed=0)
    took = []
    for seed in range(1, 6):
        began = time.process_time()
        record_episodes(Shapes().copies, 300, 100, seed=seed)
        took.append(time.process_time() - began)
    print(f"boards played and drawn: {300 * 100 / median(took):,.0f} transitions a second (median of five runs)")
    test = record_episodes(Shapes().copies, 1000, 10, seed=10**6)
    ours, until, share = train_ours(data, test)
    print(f"ours: {1e6 * ours:.0f} µs a sample; 98 % after ten steps in {until:.0f} s; {100 * share:.1f} % at the end")
    theirs, long = train_original(data, test, 4 if keep is None else LONG, keep)
    print(f"published architecture and data path: {1e6 * theirs:.0f} µs a sample, {theirs / ours:.1f} × ours")
    if np.isfinite(long):
        print(f"98 % after ten steps in {long:.0f} s, {long / until:.0f} × ours")
    print_rows(rows(quick=False))


if __name__ == "__main__":
    main()

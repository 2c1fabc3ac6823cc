"""Structured world models: exact rewritings, permutations and turns, losses by hand, runs that stop and go on."""

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from symrl_lite.data import record_episodes
from symrl_lite.envs.shapes import Shapes
from symrl_lite.equivariance import assert_equivariant, equivariance_error
from symrl_lite.groups import permutation, symmetric
from symrl_lite.structured import (
    StructuredModel,
    StructuredSettings,
    contrastive_energy_loss,
    energy,
    load_model,
    rank_rollouts,
    save_model,
    train_structured,
    training,
)
from symrl_lite.structured.model import TileNorm
from symrl_lite.structured.tiles import cut, gather_tiles

DATA = record_episodes(Shapes().copies, 20, 10, seed=0)
SMALL = StructuredSettings(updates=6, batch_size=16, hidden=16, channels=8)
ABLATIONS = {
    "all": {},
    "no graph": {"graph": False},
    "one slot": {"slots": 1, "dimension": 10},
    "attraction": {"loss": "attraction"},
    "pixels": {"loss": "pixels"},
    "autoencoder": {"loss": "autoencoder"},
    "next": {"anchor": "next"},
    "episode": {"negatives_from": "episode"},
    "both": {"negatives_from": "both"},
    "deep": {"tile": 5, "depth": 1},
    "copied": {"actions": "copied"},
    "none": {"actions": "none"},
    "equivariant": {"equivariant": True},
}


# --- Tiles --------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(2, 300), st.integers(0, 10**6))
def test_tiles_give_the_pictures_back(channels, side, tile, values, seed):
    images = np.random.default_rng(seed).integers(0, values, (4, channels, side * tile, side * tile)) % 256
    images = images.astype(np.uint8)
    for most in (1, 10**6):
        tiles = gather_tiles(images, tile, most)
        assert len(tiles) == 4
        rows = tiles.table if tiles.index is None else tiles.table[tiles.index.ravel()]
        assert np.array_equal(rows.reshape(4, side**2, -1).numpy(), cut(images, tile))
        if tiles.index is not None:
            assert len(np.unique(tiles.table.numpy(), axis=0)) == len(tiles.table)


def test_two_kinds_of_tiles_with_one_sum_are_told_apart(monkeypatch):
    class Zero:
        def integers(self, low, high, size, dtype):
            return np.zeros(size, dtype)

    images = np.random.default_rng(0).integers(0, 256, (3, 1, 4, 4)).astype(np.uint8)
    images[..., 2:] = 0
    expected = gather_tiles(images, 2).index
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Zero())
    assert torch.equal(gather_tiles(images, 2).index, expected)


def test_the_first_convolution_is_a_convolution():
    model = StructuredModel((3, 50, 50), 20)
    layer = model.extractor.features
    images = DATA.observations[:4, 0]
    convolved = nn.functional.conv2d(
        torch.from_numpy(images).float() / 255, layer.weight.unflatten(1, (3, 10, 10)), layer.bias, stride=10
    )
    ours = layer(torch.from_numpy(cut(images, 10)).float() / 255)
    assert torch.allclose(convolved.flatten(2).transpose(1, 2), ours, atol=1e-5)


@pytest.mark.parametrize("changed", [{}, {"tile": 5, "depth": 1}])
@pytest.mark.parametrize("training", [True, False])
def test_tiles_and_pictures_give_the_same_codes(changed, training):
    images = DATA.observations[:, :3].reshape(-1, 3, 50, 50)
    codes = []
    for most in (0, 10**6):
        torch.manual_seed(0)
        model = StructuredModel((3, 50, 50), 20, **changed).train(training)
        tiles = gather_tiles(images, model.tile, most)
        assert (tiles.index is None) == (most == 0)
        codes.append(model.encode_tiles(tiles, torch.arange(30)))
        if not training:
            codes.append(model.encode(images[:30]))
        norm = model.extractor.norm
        codes.append(torch.stack([norm.mean, norm.variance]))
    for one, other in zip(codes, codes[len(codes) // 2 :], strict=False):
        assert torch.allclose(one, other, atol=1e-4)


def test_the_norm_is_batch_norm():
    norm, torchs = TileNorm(4), nn.BatchNorm1d(4)
    x = torch.randn(7, 4)
    counts = torch.tensor([1.0, 2, 3, 1, 1, 4, 2])
    repeated = x.repeat_interleave(counts.long(), dim=0)
    assert torch.allclose(norm(x, counts).repeat_interleave(counts.long(), dim=0), torchs(repeated), atol=1e-4)
    assert torch.allclose(norm.mean, torchs.running_mean, atol=1e-5)


# --- Networks -----------------------------------------------------------------------------------------------------


def test_the_graph_network_is_the_formula():
    model = StructuredModel((3, 50, 50), 20).double()
    z, actions = torch.randn(3, 5, 2, dtype=torch.float64), torch.tensor([0, 7, 19])
    net, told = model.transition, model.action_vectors(actions).double()
    expected = torch.zeros(3, 5, 2, dtype=torch.float64)
    for k in range(5):
        messages = 0
        for j in range(5):
            if j != k:
                messages = messages + net.edge_last(net.edge(net.edge_to(z[:, k]) + net.edge_from(z[:, j])))
        # The last layer of an edge is applied once, so its bias counts once: a constant that the next layer can take.
        messages = messages - 3 * net.edge_last.bias
        inner = net.from_state(z[:, k]) + net.from_action(told[:, k]) + net.from_edges(messages)
        expected[:, k] = net.node(inner)
    assert torch.allclose(net(z, told), expected, atol=1e-10)
    assert told[1].argmax().item() == 1 * 4 + 3 and told[1].sum() == 1


def _flat(model):
    """Codes and what each object is told, (n, K · (D + A)) -> the next codes, (n, K · D)."""

    def f(x):
        K, D = model.slots, model.dimension
        both = torch.as_tensor(x, dtype=torch.float64).unflatten(-1, (K, -1))
        return (both[..., :D] + model.transition(both[..., :D], both[..., D:])).flatten(-2).detach().numpy()

    return f


def _on_slots(group, K, size):
    """S_K on K vectors of some size, as one permutation representation."""
    moved = group.permutations  # (|G|, K)
    return permutation(group, [[int(m[k]) * size + i for k in range(K) for i in range(size)] for m in moved])


@pytest.mark.parametrize("changed", [{}, {"graph": False}, {"equivariant": True}], ids=["all", "no graph", "turns too"])
def test_objects_may_be_renumbered(changed):
    group = symmetric(4)
    model = StructuredModel((3, 50, 50), 16, slots=4, **changed).double()
    x = np.random.default_rng(0).normal(size=(6, 4 * 6))
    assert_equivariant(_flat(model), x, _on_slots(group, 4, 6), _on_slots(group, 4, 2))

    def broken(x):  # a network that sees which object is the first
        y = _flat(model)(x)
        y[..., :2] *= 2
        return y

    assert equivariance_error(broken, x, _on_slots(group, 4, 6), _on_slots(group, 4, 2)).max() > 0.01


def test_a_push_is_renumbered_with_its_object():
    torch.manual_seed(0)
    model = StructuredModel((3, 50, 50), 20)
    z, actions = torch.randn(8, 5, 2), torch.arange(24).view(3, 8) % 20
    order = torch.tensor([3, 0, 4, 1, 2])  # object order[i] comes to place i
    moved = 4 * order.argsort()[actions // 4] + actions % 4

    def after(codes, pushes):
        for chosen in pushes:  # three steps
            codes = model.step(codes, chosen)
        return codes

    assert torch.allclose(after(z[:, order], moved), after(z, actions)[:, order], atol=1e-5)
    assert (after(z[:, order], actions) - after(z, actions)[:, order]).abs().max() > 0.01  # another object is pushed


def test_an_equivariant_model_turns_with_the_board():
    torch.manual_seed(0)
    board = Shapes()
    turn = board.rotations()
    model = StructuredModel((3, 50, 50), 20, equivariant=True).eval()
    plain = StructuredModel((3, 50, 50), 20).eval()
    places = DATA.states[:, 0]
    z = model.encode(board.images(places))
    assert z.std() > 1e-3
    for g, name in enumerate(turn.group.names):
        matrix = torch.tensor([[1.0, 0], [0, 1]])
        for _ in range(g):
            matrix = torch.tensor([[0.0, -1], [1, 0]]) @ matrix
        turned = board.images(turn.act_on_state(g, places))
        assert torch.allclose(model.encode(turned), z @ matrix.T, atol=1e-4)
        assert torch.allclose(model.encode(np.rot90(board.images(places), g, (2, 3))), z @ matrix.T, atol=1e-4)
        for action in (0, 7, 18):
            after = int(turn.act_on_action_values(g, np.eye(20)[action]).argmax())
            one = model.step(z, torch.full((len(z),), action)) @ matrix.T
            assert torch.allclose(model.step(z @ matrix.T, torch.full((len(z),), after)), one, atol=1e-4)
        if name != "e":
            assert (plain.encode(turned) - plain.encode(board.images(places)) @ matrix.T).abs().max() > 1e-3


def test_models_refuse_what_does_not_fit():
    for wrong, message in (
        ({"slots": 3}, "20 actions can't be shared among 3"),
        ({"tile": 7}, "can't be cut"),
        ({"equivariant": True, "hidden": 30}, "a multiple of 4"),
        ({"equivariant": True, "depth": 1}, "no more convolutions"),
    ):
        with pytest.raises(ValueError, match=message):
            StructuredModel((3, 50, 50), 20, **wrong)
    with pytest.raises(ValueError, match="loss is 'hinge'"):
        StructuredSettings(loss="hinge")
    with pytest.raises(ValueError, match="a batch of one"):
        StructuredSettings(batch_size=1)


# --- Losses and training ------------------------------------------------------------------------------------------


def test_energy_and_hinge_by_hand():
    z = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    assert energy(z, torch.zeros(1, 2, 2), sigma=1.0).item() == pytest.approx((1 + 4) / 2 / 2)
    assert energy(z, z).item() == 0
    loss = contrastive_energy_loss(torch.tensor([1.0, 2.0]), torch.tensor([0.25, 3.0]))
    assert loss.item() == pytest.approx(1.5 + 0.75 / 2)


def test_the_loss_of_a_batch_by_hand(monkeypatch):
    settings = replace(SMALL, batch_size=8)
    for anchor in ("state", "next"):
        changed = replace(settings, anchor=anchor)
        draws = training._Draws(DATA, changed)
        torch.manual_seed(1)
        model = changed.build((3, 50, 50), 20).eval()
        found = training._loss(model, draws, np.random.default_rng(5), changed)
        before, after, other, actions = draws.next(np.random.default_rng(5))
        images = DATA.observations.reshape(-1, 3, 50, 50)
        z, z_next, z_other = (model.encode(images[rows.numpy()]) for rows in (before, after, other))
        anchors = z if anchor == "state" else z_next
        total = 0
        for i in range(8):
            predicted = model.step(z[i : i + 1], actions[i : i + 1])[0]
            total += 2 * (predicted - z_next[i]).square().sum() / 5
            total += max(torch.tensor(0.0), 1 - 2 * (z_other[i] - anchors[i]).square().sum() / 5)
        assert torch.allclose(found, total / 8, atol=1e-4)


def test_negatives_of_the_episode_stay_in_it_and_steps_fit_together():
    draws = training._Draws(DATA, replace(SMALL, negatives_from="episode"))
    before, after, other, actions = draws.next(np.random.default_rng(0))
    assert torch.equal(after, before + 1) and torch.equal(other // 11, before // 11)
    assert torch.equal(actions, torch.from_numpy(DATA.actions.ravel())[before - before // 11])
    draws = training._Draws(DATA, replace(SMALL, negatives_from="both"))
    before, _, other, _ = draws.next(np.random.default_rng(0))
    assert torch.equal(other[8:] // 11, before[8:] // 11) and not torch.equal(other[:8] // 11, before[:8] // 11)
    draws = training._Draws(DATA, SMALL)
    before, _, other, _ = draws.next(np.random.default_rng(0))
    assert sorted(before.tolist()) == sorted(other.tolist())


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_is_an_argument(name):
    settings = replace(SMALL, **ABLATIONS[name])
    seen = []
    models = train_structured(
        DATA, [0, 1], settings, progress=False, every=3, after=lambda k, seed, m: seen.append((k, seed, m.training))
    )
    assert seen == [(3, 0, False), (6, 0, False), (3, 1, False), (6, 1, False)]
    found = rank_rollouts(models[1], DATA, (1, 10))
    assert found[1].candidates == 20 and 0 <= found[10].hits_at_1 <= found[10].mean_reciprocal_rank <= 1
    codes = models[0].rollout(DATA.observations[:, 0], DATA.actions)
    assert codes.shape == (20, 11, settings.slots, settings.dimension)
    alone = train_structured(DATA, [1], settings, progress=False)[0]
    for one, other in zip(models[1].parameters(), alone.parameters(), strict=True):
        assert torch.equal(one, other)


def test_what_each_loss_trains():
    def moved(**changed):
        settings = replace(SMALL, updates=1, **changed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            first = settings.build((3, 50, 50), 20)
        (model,) = train_structured(DATA, [0], settings, progress=False)
        return {
            part
            for (name, p), q in zip(first.named_parameters(), model.parameters(), strict=True)
            if not torch.equal(p, q)
            for part in [name.split(".")[0]]
        }

    assert moved() == {"extractor", "encoder", "transition"}
    assert moved(loss="pixels") == moved(loss="autoencoder") == {"extractor", "encoder", "transition", "decoder"}
    draws = training._Draws(DATA, replace(SMALL, loss="autoencoder"))
    model = replace(SMALL, loss="autoencoder").build((3, 50, 50), 20)
    loss = training._loss(model, draws, np.random.default_rng(0), replace(SMALL, loss="autoencoder"))
    loss.backward()
    assert torch.allclose(draws.pixels(torch.tensor([5])), torch.from_numpy(cut(DATA.observations[0, 5:6], 10)) / 255)


def test_a_run_that_is_stopped_continues_where_it_was(tmp_path):
    class Stopped(Exception):
        pass

    def stop(update, seed, model):
        if (update, seed) == (4, 1):
            raise Stopped

    whole = train_structured(DATA, [0, 1], SMALL, progress=False)
    with pytest.raises(Stopped):
        train_structured(DATA, [0, 1], SMALL, progress=False, checkpoint=tmp_path, save_every=3, every=1, after=stop)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["seed0.pt", "seed1.pt"]
    seen = []
    models = train_structured(
        DATA, [0, 1], SMALL, progress=False, checkpoint=tmp_path, save_every=3, every=1,
        after=lambda update, seed, model: seen.append((update, seed)),
    )  # fmt: skip
    assert seen == [(4, 1), (5, 1), (6, 1)]
    for one, other in zip(whole, models, strict=True):
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name])
    with pytest.raises(ValueError, match=r"other settings \(hinge\)"):
        train_structured(DATA, [0], replace(SMALL, hinge=2.0), progress=False, checkpoint=tmp_path)


@pytest.mark.parametrize("name", ["all", "no graph", "one slot", "pixels", "deep", "copied", "equivariant"])
def test_models_in_files(name, tmp_path):
    settings = replace(SMALL, updates=2, **ABLATIONS[name])
    (model,) = train_structured(DATA, [0], settings, progress=False)
    save_model(model, settings, (3, 50, 50), tmp_path / "model.pt")
    again, known = load_model(tmp_path / "model.pt")
    assert known == settings and asdict(known) == asdict(settings) and not again.training
    assert again.state_dict().keys() == model.state_dict().keys()
    codes = [m.rollout(DATA.observations[:, 0], DATA.actions) for m in (model, again)]
    assert torch.equal(*codes) and codes[0].std() > 0


def test_a_stop_while_a_checkpoint_is_written_leaves_the_last_one(tmp_path, monkeypatch):
    def torn(state, path):
        path.write_bytes(b"half of it")
        raise KeyboardInterrupt

    seen = []
    (whole,) = train_structured(DATA, [0], SMALL, progress=False, checkpoint=tmp_path / "whole")
    with monkeypatch.context() as patched:
        save = torch.save
        patched.setattr(torch, "save", lambda state, path: (save if state["update"] < 4 else torn)(state, path))
        with pytest.raises(KeyboardInterrupt):
            train_structured(DATA, [0], SMALL, progress=False, checkpoint=tmp_path / "torn", save_every=2)
    (model,) = train_structured(
        DATA, [0], SMALL, progress=False, checkpoint=tmp_path / "torn", every=1, after=lambda k, *_: seen.append(k)
    )
    assert seen == [3, 4, 5, 6]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])
    # A run that is complete is read, not made again.
    (again,) = train_structured(
        DATA, [0], SMALL, progress=False, checkpoint=tmp_path / "torn", every=1, after=lambda k, *_: seen.append(k)
    )
    assert len(seen) == 4 and torch.equal(again.encode(DATA.observations[:, 0]), model.encode(DATA.observations[:, 0]))


def test_a_loss_that_is_no_number_is_told():
    with pytest.raises(FloatingPointError, match="seed 3"):
        train_structured(DATA, [3], replace(SMALL, sigma=1e-200), progress=False)
    with pytest.raises(ValueError, match="one for each seed"):
        train_structured([DATA], [0, 1], SMALL, progress=False)


@pytest.mark.parametrize("known_states", [True, False])
@pytest.mark.parametrize("ties", ["against", "for"])
def test_rollouts_are_ranked_as_two_loops_do(ties, known_states):
    # Two shapes on four cells: twelve boards for forty episodes, so that there are many duplicates, all of them ties.
    data = record_episodes(Shapes(2, size=2).copies, 40, 4, seed=2)
    torch.manual_seed(0)
    model = StructuredModel((3, 20, 20), 8, slots=2).eval()
    found = rank_rollouts(model, data, (1, 4), hits=(1, 5), ties=ties, known_states=known_states)
    assert list(found) == [1, 4]
    for n, ranking in found.items():
        z = model.encode(data.observations[:, 0])
        for t in range(n):
            z = model.step(z, torch.from_numpy(data.actions[:, t]))
        guesses, truths = (c.detach().double().flatten(1) for c in (z, model.encode(data.observations[:, n])))
        rounding = 64 * torch.finfo(torch.float32).eps * max(c.norm(dim=1).max() for c in (guesses, truths))
        ranks, left_out = [], 0
        for i in range(40):
            own, rank = (guesses[i] - truths[i]).norm(), 1
            for j in range(40):
                if i != j and known_states and data.states[i, n].tolist() == data.states[j, n].tolist():
                    left_out += 1
                elif i != j:
                    d = (guesses[i] - truths[j]).norm()
                    rank += bool(d <= own + rounding if ties == "against" else d < own - rounding)
            ranks.append(rank)
        assert ranking.ranks.tolist() == ranks and ranking.candidates == 40 and len(set(ranks)) > 2
        assert ranking.excluded == pytest.approx(left_out / 40) and (left_out > 40) == known_states
        assert ranking.hits == {k: sum(rank <= k for rank in ranks) / 40 for k in (1, 5)}
        assert ranking.mean_reciprocal_rank == pytest.approx(sum(1 / rank for rank in ranks) / 40)


def test_a_short_training_beats_chance_and_attraction_collapses():
    table = Shapes()
    data, test = record_episodes(table.copies, 200, 10, seed=0), record_episodes(table.copies, 200, 5, seed=1)
    base = StructuredSettings(updates=250, hidden=32, learning_rate=6e-3, warm_up=50)
    good, none = (
        train_structured(data, [0], replace(base, loss=loss), progress=False)[0]
        for loss in ("contrastive", "attraction")
    )
    best, worst = rank_rollouts(good, test, (1,))[1], rank_rollouts(none, test, (1,))[1]
    # Four seeds of data and training: 0.94 to 1 and 0.02 to 0.08, and spreads 1800 to 4000 times as large.
    assert best.hits_at_1 > 0.75 > 0.3 > worst.hits_at_1
    spread = [m.encode(test.observations[:, 0]).std(dim=0).mean().item() for m in (good, none)]
    assert spread[0] > 100 * spread[1]

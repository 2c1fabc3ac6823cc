"""Recorded curves: what the chapters claim of them, and that a file says how it was made."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from symrl_lite import recorded
from symrl_lite.recorded import Curve, load, save
from symrl_lite.seeds import area_under_curve, compare, steps_to

NAMES = sorted(path.stem for path in recorded.FOLDER.glob("*.json"))
PROGRAMS = Path(__file__).resolve().parents[2] / "benchmarks"
SEEDS = {"room": 5, "sprites": 5, "objects_negatives": 5, "objects_up": 5, "objects_blocks": 1, "objects_atari": 1}


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_says_how_to_make_it_again(name):
    found = load(name)
    program = re.fullmatch(rf"python benchmarks/(record_chapter(\d\d)\.py) {name}", found.command)
    assert program and f'"{name}"' in (PROGRAMS / program[1]).read_text(encoding="utf-8"), found.command
    assert set(found.versions) == {"Python", "torch", "numpy", "gymnasium"} and found.date.startswith("20")
    for curve in found.curves.values():
        assert curve.returns.shape == (len(curve.seeds), len(curve.steps))
        assert len(set(curve.seeds)) == len(curve.seeds) >= SEEDS.get(name, 2 if program[2] == "07" else 10)
        assert np.isfinite(curve.returns).all() and (np.diff(curve.steps) > 0).all()
        assert curve.parameters > 0 and curve.settings["learning_rate"] > 0
    text = (recorded.FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert "/home" not in text and "/work" not in text and len(text) < 1_000_000


def test_saving_and_loading(tmp_path, monkeypatch):
    monkeypatch.setattr(recorded, "FOLDER", tmp_path)
    curve = Curve(np.array([0, 10]), np.array([[1.23456, 2.0], [3.0, 9.0]]), 7, {"learning_rate": 0.1}, [0, 1], 1.5)
    path = save("small", {"a": curve}, "python make.py")
    assert json.loads(path.read_text())["curves"]["a"]["returns"] == [[1.235, 2.0], [3.0, 9.0]]
    found = load("small")
    assert found.median("a").tolist() == [2.118, 5.5] or np.allclose(found.median("a"), [2.1175, 5.5])
    assert found.steps_to("a", 5) == 10 and found.steps_to("a", 50) == float("inf")
    assert "\n    python make.py\n" in str(found) and max(map(len, str(found).splitlines())) <= 80
    assert "up to rounding, which training amplifies" in " ".join(str(found).split())
    with pytest.raises(FileNotFoundError, match="there are: small"):
        load("large")


def test_cartpole_with_the_papers_settings():
    """At its published rate each; the random basis slowest; and at every common rate the equivariant area larger."""
    paper = load("cartpole")
    steps = {name: paper.steps_to(name, 475) for name in ("equivariant", "plain", "null space", "random")}
    assert steps["plain"] >= 1.5 * steps["equivariant"] and max(steps, key=steps.__getitem__) == "random"
    bare, found = {"equivariant, 0.01": "equivariant", "plain, 0.001": "plain"}, {}
    for rate in (0.0003, 0.001, 0.003, 0.005, 0.01, 0.02):
        ours, plain = (paper[bare.get(f"{n}, {rate}", f"{n}, {rate}")] for n in ("equivariant", "plain"))
        assert ours.settings["learning_rate"] == plain.settings["learning_rate"] == rate
        found[rate] = [np.median(area_under_curve(curve.steps, curve.returns)) for curve in (ours, plain)]
        assert found[rate][0] > found[rate][1] and compare(ours, plain, threshold=475).gain.low > 50
    assert all(max(found, key=lambda rate: found[rate][k]) not in (0.0003, 0.02) for k in (0, 1))  # no edge is best
    assert np.isinf(compare(paper["equivariant, 0.0003"], paper["plain, 0.0003"], threshold=475).steps[1])
    fallen = compare(paper["equivariant, 0.02"], paper["plain, 0.02"], threshold=475)
    assert (
        np.isfinite(fallen.steps[1]) and fallen.ratio.low > 1.5 and np.median(paper["plain, 0.02"].returns[:, -1]) < 450
    )


def test_the_chase_ends_at_the_optimum():
    chase = load("predator")
    for rate in (0.001, 0.003):
        curve = chase[f"C4, {rate}"]
        assert abs(curve.returns[:, -5:].mean() - 0.7315) < 0.03
        assert chase.steps_to(f"plain, {rate}", 0) > chase.steps_to(f"C4, {rate}", 0)


def test_the_wind_turns_the_order_round():
    wind = load("wind")
    end = {name: curve.returns[:, -3:].mean() for name, curve in wind.curves.items()}
    assert end["equivariant, 0 N"] > end["plain, 0 N"] - 30
    assert end["equivariant, 9.5 N"] < end["plain, 9.5 N"] / 2


def test_a_false_symmetry_learns_more_slowly():
    """What chapter 5 says of the first 16 384 steps: ahead without wind, behind with any, the whole interval."""
    wind = load("wind")
    assert len(wind["plain, 4 N"].seeds) == 20 and min(wind["plain, 4 N"].seeds) >= 1000
    gains = {}
    for force in (0, 4, 8, 9, 9.5):
        pair = [wind[f"{net}, {force} N"] for net in ("equivariant", "plain")]
        assert all(curve.steps[8] == 16_384 for curve in pair)
        early = [replace(curve, steps=curve.steps[:9], returns=curve.returns[:, :9]) for curve in pair]
        gains[force] = compare(*early, threshold=300).gain
    assert gains[0].low > 50 and all(gains[force].high < 0 for force in (4, 8, 9, 9.5))
    ends = {name: np.median(curve.returns[:, -3:]) for name, curve in wind.curves.items()}
    for force in (4, 8):
        assert abs(ends[f"equivariant, {force} N"] - ends[f"plain, {force} N"]) < 60


def test_a_better_plain_network_comes_closer():
    """What chapter 5 says of the baseline: separate networks beat shared ones, and stay below the equivariant one."""
    base = load("baseline")
    for rate in (0.001, 0.003, 0.006):
        area = {
            net: area_under_curve(base[f"{net}, {rate}"].steps, base[f"{net}, {rate}"].returns).mean()
            for net in ("equivariant", "separate", "shared")
        }
        assert area["equivariant"] > area["separate"] > area["shared"]


def test_at_equal_rates_both_marks_say_much_the_same():
    """What chapter 5 says of each seed's steps to 300 and to 475: about two, at every rate."""
    paper = load("cartpole")
    bare = {"equivariant, 0.01": "equivariant", "plain, 0.001": "plain"}
    for rate in (0.001, 0.003, 0.005, 0.01):
        pair = [paper[bare.get(f"{n}, {rate}", f"{n}, {rate}")] for n in ("equivariant", "plain")]
        for mark in (300, 475):
            ratio = compare(*pair, threshold=mark).ratio
            assert 1.2 < ratio.low < 2.6 and 1.5 < ratio.value < 2.7
    marks = [compare(paper["plain"], paper["random, zero biases"], threshold=mark).ratio for mark in (300, 475)]
    assert all(ratio.low < 1 < ratio.high for ratio in marks)
    assert compare(paper["plain"], paper["random"], threshold=475).ratio.low > 1
    assert compare(paper["equivariant, 0.001"], paper["augmented, 0.001"], threshold=475).ratio.high < 1.5
    assert np.median(paper["augmented, 0.003"].returns[:, -1]) < 450


def test_equal_units_leave_half_of_the_lead_or_less():
    """What chapter 5 says of the chase: plain networks as wide, with |G| times the parameters; twenty fresh seeds."""
    chase = load("chase").curves
    assert all(len(c.seeds) == 20 and min(c.seeds) >= 1000 for c in chase.values())
    wide = {"C4": "plain, equal units", "flip": "plain, units of flip", "D4": "plain, units of D4"}
    order, left = {"C4": 4, "flip": 2, "D4": 8}, {}
    cases = [("C4", f"{rate}, size {n}") for rate, n in ((0.001, 7), (0.003, 7), (0.003, 9), (0.003, 11))]
    for group, case in [*cases, ("flip", "0.003, size 7"), ("D4", "0.003, size 7")]:
        ours, *others = (chase[f"{net}, {case}"] for net in (group, "plain", wide[group]))
        narrow, same = (compare(ours, other, threshold=0).ratio.value for other in others)
        assert others[1].parameters == pytest.approx(order[group] * ours.parameters, rel=0.01)
        assert same - 1 <= 0.5 * (narrow - 1) + 1e-9
        left[group, case] = narrow, same
    assert 1.8 < left["C4", "0.003, size 11"][0] < 2.5 and 1.2 < left["C4", "0.003, size 11"][1] < 1.5
    assert left["flip", "0.003, size 7"][0] < left["D4", "0.003, size 7"][0] <= left["C4", "0.003, size 7"][0]
    assert left["flip", "0.003, size 7"][1] <= 1
    assert compare(chase["C4, 0.003, size 7"], chase["augmented, 0.003, size 7"], threshold=0).ratio.value == 1


def test_width_is_not_the_lead_on_the_cart_pole_and_published_networks_need_the_published_steps():
    """What chapter 5 says of the paper's fifth network, of torch's default biases and of a dense basis."""
    paper = load("cartpole")
    for rate, bare in ((0.001, "plain"), (0.003, "plain, 0.003")):
        ours, wide = paper[f"equivariant, {rate}"], paper[f"plain, equal units, {rate}"]
        assert wide.parameters == paper["random"].parameters
        for mark in (300, 475):
            narrow = compare(wide, paper[bare], threshold=mark).ratio
            assert compare(ours, wide, threshold=mark).ratio.low > 1.5 and narrow.low < 1 < narrow.high
    usual = compare(paper["plain, default biases"], paper["plain"], threshold=475)
    assert usual.ratio.low < 1 < usual.ratio.high and usual.gain.low > 0
    dense = compare(paper["equivariant"], paper["equivariant, dense basis"], threshold=475).ratio
    assert dense.low < 1 < dense.high
    steps = {name: paper.steps_to(name, 475) for name in ("plain, default biases", "equivariant, dense basis")}
    assert 0.9 < steps["plain, default biases"] / 16_900 < 1.1 < paper.steps_to("plain", 475) / 16_900
    assert 0.9 < steps["equivariant, dense basis"] / 8_600 < 1.1 and paper.steps_to("equivariant", 475) < 0.6 * 8_600


def test_pong_with_fresh_seeds():
    """What chapter 5 says of the flip: shown is as good as built in; width is most of the lead in steps, not return."""
    long = load("pong")
    for name in ("equivariant", "plain", "plain, equal units", "augmented"):
        assert long[f"{name}, 0.002"].seeds == list(range(1000, 1020))
    ratios = {
        (name, rate): compare(long[f"equivariant, {rate}"], long[f"{name}, {rate}"], threshold=3).ratio
        for name in ("plain", "plain, equal units", "augmented", "null space", "random")
        for rate in (0.002, 0.001)
    }
    assert ratios["plain", 0.002].low > 1.4 and 1 < ratios["plain", 0.001].value < ratios["plain", 0.002].value
    assert all(ratios["augmented", rate].low < 1 < ratios["augmented", rate].high for rate in (0.002, 0.001))
    wide, narrow = ratios["plain, equal units", 0.002], ratios["plain", 0.002]
    more = [compare(long["equivariant, 0.002"], long[f"plain{w}, 0.002"], 3).gain for w in (", equal units", "")]
    assert more[0].low > 0.5 * more[1].value
    assert wide.low > 1 and wide.value - 1 < 0.5 * (narrow.value - 1)
    assert ratios["plain, equal units", 0.001].low < 1 < ratios["plain, equal units", 0.001].high
    assert ratios["random", 0.002].value < ratios["plain", 0.002].value <= ratios["null space", 0.002].value


def test_networks_of_one_make():
    """What chapter 5 says of them: more return on the way at each rate; in steps two of three intervals reach 1."""
    base = load("baseline")
    shared = compare(base["equivariant, 0.003"], base["shared, 0.003"], threshold=300).ratio
    assert 1.2 < shared.low < shared.high < 3
    for more, parameters in (("", 9156), (", 64 units", 4578)):
        pairs = [(base[f"equivariant, separate{more}, {r}"], base[f"separate, {r}"]) for r in (0.001, 0.003, 0.006)]
        found = [compare(*pair, threshold=300) for pair in pairs]
        assert all(f.gain.low > 0 and f.ratio.value > 1 for f in found)
        assert [f.ratio.low > 1 for f in found] == [True, False, False]
        assert all((ours.parameters, plain.parameters) == (parameters, 9155) for ours, plain in pairs)


def ends(recording, name):
    """The last value of every seed."""
    return recording[name].returns[:, -1]


def best(recording, name):
    """The largest mean over seeds of a curve, and the worst seed there."""
    returns = recording[name].returns
    k = returns.mean(axis=0).argmax()
    return returns[:, k].mean(), returns[:, k].min()


def test_the_pole_is_balanced_and_the_controls_stay_below():
    pole = load("balancing")
    at_300 = pole["plannable, τ 0.1"].returns[:, list(pole["plannable, τ 0.1"].steps).index(300)]
    assert at_300.mean() >= 195 and at_300.min() >= 180
    assert max(best(pole, f"no negatives, τ {t}")[0] for t in ("0.1", "0.001", "0.0001")) < 120
    assert best(pole, "autoencoder, τ 0.1")[0] <= at_300.mean() - 30
    autoencoders = [name for name in pole.curves if name.startswith("autoencoder")]
    scaled = [name for name in autoencoders if "scaled input" in name]
    tuned = [name for name in autoencoders if name not in scaled]
    assert len(tuned) >= 10 and max(best(pole, name)[0] for name in tuned) < at_300.mean() - 15
    assert 180 < max(best(pole, name)[0] for name in scaled) < at_300.mean() - 10
    assert best(pole, "no encoder, × (5, 5, 30, 5), τ 0.1")[0] > 195 > 150 > best(pole, "no encoder, × 1, τ 0.1")[0]
    assert best(pole, "plannable, standardized input, τ 0.1")[0] < 120  # raw units matter more than anything else
    assert 120 < best(pole, "learned reward, τ 0.1")[0] < at_300.mean() and best(pole, "learned reward, τ 0.1")[1] < 100
    assert 180 < best(pole, "Q-learning, 0.001")[0] < at_300.mean()
    assert best(pole, "plannable, cap 500")[0] < 475  # not solved


def test_the_room_is_walked_by_shortest_paths_at_the_papers_size():
    room = load("room")
    optimum = {
        ("48 pixels", "training"): 8.77,
        ("48 pixels", "unseen"): 7.54,
        ("24 pixels", "training"): 8.77,
        ("24 pixels", "unseen"): 7.54,
        ("two objects", "training"): 8.76,
        ("two objects", "unseen"): 7.53,
    }
    for (name, goals), length in optimum.items():
        assert ends(room, f"{name}, {goals} goals").max() <= 1.05 * length
    assert room["48 pixels, prototypes"].settings["pixels"] == 6
    assert (ends(room, "48 pixels, prototypes") == 71).all() and (ends(room, "two objects, prototypes") == 140).all()
    for name in ("no negatives", "autoencoder"):  # whatever the temperature
        assert min(room[key].returns.mean(axis=0).min() for key in room.curves if key.startswith(f"{name}, τ")) > 50


def test_unseen_digits_reach_unseen_goals_with_negatives_of_the_episode_only():
    digits = load("sprites")
    for which in ("train", "test"):
        for goals in ("train", "test"):
            case = f"{which} sprites, {goals} goals"
            assert ends(digits, f"negatives of the episode, {case}").max() <= 1.25 * 4.70
            assert ends(digits, f"negatives of the data, {case}").min() > 2 * 4.70
            assert ends(digits, f"no negatives, {case}").min() > 2 * 4.70


def at_ten(recording, name, what="H@1"):
    """The values of all seeds after ten steps."""
    curve = recording[f"{name}, {what}"]
    return curve.returns[:, list(curve.steps).index(10)]


def test_shapes_are_right_for_ten_pushes_and_the_ablations_are_not():
    shapes = load("objects_shapes")
    assert len(shapes["C-SWM, H@1"].seeds) >= 5 and shapes["C-SWM, H@1"].settings["candidates"] == 1000
    assert (shapes.median("C-SWM, H@1") >= [99.9, 99.5, 99.0]).all() and at_ten(shapes, "C-SWM").min() >= 97
    assert shapes["C-SWM, H@1"].seconds / len(shapes["C-SWM, H@1"].seeds) <= 90
    assert at_ten(shapes, "C-SWM, 10000 candidates").min() >= 97
    many, few = (np.median(at_ten(shapes, f"no graph network{more}")) for more in (", 10000 candidates", ""))
    assert 85 < many < few - 3
    assert at_ten(shapes, "push told to all slots").min() > 55  # above a prediction that nothing moves, at 50
    assert 90 < np.median(at_ten(shapes, "no graph network")) < 98
    assert at_ten(shapes, "one slot").max() <= 50 and at_ten(shapes, "autoencoder").max() <= 40
    assert (at_ten(shapes, "one slot, five maps") > np.median(at_ten(shapes, "one slot"))).sum() >= 4
    assert at_ten(shapes, "no contrast at all").max() <= 5 and at_ten(shapes, "pixels instead of contrast").max() <= 40


def test_relations_matter_where_objects_meet():
    meet = load("objects_relations")
    assert 45 < np.median(at_ten(meet, "3 × 3, no graph network")) < 75
    assert (at_ten(meet, "3 × 3, C-SWM") > 99).sum() == 4 and len(meet["3 × 3, C-SWM, H@1"].seeds) == 5
    assert meet["5 × 5, no graph network, H@1"].returns[:, -1].max() < 75  # after 50 pushes
    assert meet["5 × 5, C-SWM, H@1"].returns[:, -1].min() > 99
    assert at_ten(meet, "identical shapes").max() < 10


def test_pushes_that_were_never_shown():
    up = load("objects_up")
    assert at_ten(up, "equivariant, tried on all").min() >= 90 and at_ten(up, "plain, tried on all").max() <= 20
    assert np.median(at_ten(up, "plain, tried on up")) > 80


def test_negatives_decide_what_codes_tell_apart():
    negatives = load("objects_negatives")
    found = {source: at_ten(negatives, f"from {source}") for source in ("data", "episode", "both")}
    assert found["data"].min() < 10 and found["episode"].min() < 10
    assert (found["both"] > 99).sum() == 4 and np.median(found["both"]) > np.median(found["data"])


def test_other_worlds_keep_the_published_order():
    bodies, blocks = load("objects_bodies"), load("objects_blocks")
    for n in (1, 2):  # after five and ten steps
        contrast, drawn = (bodies[f"{name}, H@1"].returns[:, n] for name in ("C-SWM", "autoencoder"))
        assert contrast.min() > drawn.max()
    order = ["C-SWM", "no graph network", "one slot", "autoencoder"]
    ends = [np.median(at_ten(blocks, name)) for name in order]
    assert ends == sorted(ends, reverse=True) and ends[0] > 95 and ends[2] < 50
    games = load("objects_atari")
    assert all(curve.settings["candidates"] == 100 for curve in games.curves.values())


def episodes_to(name, level=0.9):
    """Episodes that each of 24 seeds needed in the bowl; infinite where the row ends before."""
    curve = load("bowl")[name]
    return steps_to(curve.steps, curve.returns, level)


def test_mirrors_save_episodes_and_a_frame_saves_more():
    her, shown, built = (np.median(episodes_to(name)) for name in ("HER", "Kaleidoscope, 8", "built in"))
    assert shown <= 5 and her / shown >= 1.7 and built <= shown
    assert np.median(episodes_to("Kaleidoscope, 16")) <= np.median(episodes_to("Kaleidoscope, 1"))
    for updates in (60, 20):
        few = [np.median(episodes_to(f"{name}, {updates} updates")) for name in ("HER", "Kaleidoscope, 8", "built in")]
        assert few[2] <= few[1] <= few[0]


def test_without_hindsight_or_with_forces_left_behind_nothing_is_learned():
    for name in ("no hindsight", "unmirrored action"):
        assert load("bowl")[name].returns[:, -1].max() <= 0.3 and np.isinf(episodes_to(name)).all()


def test_a_mirror_beside_the_middle_helps():
    her = np.median(episodes_to("HER"))
    assert max(np.median(episodes_to(name)) for name in ("base at 0.5", "base at 1")) <= her / 1.5


def test_pictures_seen_in_other_ways():
    """Means over ten seeds of the share that is caught; random play catches 34 of 144."""
    found = load("pictures")
    for noise in ("", ", noise 0.1"):
        mean = {
            name: found[name + noise].returns[:, -1].mean() for name in ("none", "crop", "flip", "flip, actions kept")
        }
        assert mean["crop"] - mean["none"] >= 0.08 and mean["flip"] - mean["none"] >= 0.02
        assert mean["none"] - mean["flip, actions kept"] >= 0.03
        sizes = [found[name + noise].parameters for name in ("none", "equivariant")]
        assert 0.8 < sizes[1] / sizes[0] < 1.2


def test_which_frame_matters_as_much_as_that_it_is_one():
    """A frame along the point is as exact as the one towards the goal, and no faster than mirrors that are shown."""
    for updates in ("", ", 60 updates", ", 20 updates"):
        shown, along = (
            np.median(episodes_to(name + updates)) for name in ("Kaleidoscope, 8", "built in, axis along the point")
        )
        assert 0.85 * shown <= along <= 1.7 * shown
    told = np.median(episodes_to("HER, z − p"))
    assert told <= np.median(episodes_to("HER")) / 1.3
    assert 1.5 <= told / np.median(episodes_to("Kaleidoscope, 8, z − p")) <= 2.6


def test_the_numbers_in_the_text_of_chapter_8_are_those_of_the_file():
    """What stands there in digits; who records anew has to read the text anew."""
    middle = {name: np.median(episodes_to(name)) for name in load("bowl").curves}
    for updates, shown in (("", 3.2), (", 60 updates", 1.8), (", 20 updates", 1.2)):
        her, mirrors, built = (middle[name + updates] for name in ("HER", "Kaleidoscope, 8", "built in"))
        assert her / mirrors == pytest.approx(shown, abs=0.06) and 4 <= her / built <= 6.5
    along = [middle[f"built in, axis along the point{updates}"] for updates in ("", ", 60 updates", ", 20 updates")]
    assert along == [6, 12, 26]
    assert [middle[name] for name in ("HER", "HER, z − p", "Kaleidoscope, 8, z − p")] == [13, 8, 4]
    rows = ("HER", "HER, batch of 640", "goals nearby", "goals nearby, rewards kept")
    assert [int((episodes_to(name) <= 12).sum()) for name in rows] == [7, 14, 22, 8]
    assert middle["HER, batch of 640"] == 11 and middle["base at 0.5"] - middle["Kaleidoscope, 8"] == 1
    assert middle["velocities as points, base at 0.5"] < np.inf

"""The room and the shifted digits: Gymnasium's checks, the numbers of the paper, and the rules written out."""

import warnings

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from symrl_lite.data import collect, play, shortest, walk
from symrl_lite.envs import sprites
from symrl_lite.envs.room import KEY, MAIL, Room
from symrl_lite.envs.sprites import SpriteCopies, Sprites, digits
from symrl_lite.mdp import value_iteration

ROOMS = {"key": Room, "mail": lambda: Room(2, "everywhere", pixels=1), "places": lambda: Room(observation="place")}
MAKE = {**ROOMS, "slip": lambda: Room(slip=0.2), "sprites": lambda: Sprites(digits()[:5])}


@pytest.mark.parametrize("name", MAKE)
def test_gymnasium_has_no_complaint(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(MAKE[name](), skip_render_check=True)


def test_as_many_states_as_the_paper_and_its_shortest_walks():
    for objects, places in ((1, 71), (2, 140)):
        room = Room(objects, pixels=1)
        assert room.n_places == places and len(np.unique(room.images(), axis=0)) == places
    for room, length in ((Room(), 8.77), (Room(deliveries="everywhere"), 7.54)):
        starts = [room.place_of(cell) for cell in room.cells if cell != KEY]
        goals = [room.place_of(cell, key=False) for cell in room.deliveries]
        assert round(float(np.mean([shortest(room.moves(), goal)[starts] for goal in goals])), 2) == length
    for left in (True, False):
        lengths = [shortest(sprites.moves(), goal) for goal in sprites.goals(left)]
        assert round(float(np.mean(lengths)), 2) == 4.70 and len(lengths) == 21


def rules(floor, robot, delivery, objects, action):
    """One step, written without tables: what lies on the floor, the robot's cell, the reward, and whether it ends."""
    step = {0: (-1, 0), 1: (0, -1), 2: (1, 0), 3: (0, 1)}[action]
    cell = (robot[0] + step[0], robot[1] + step[1])
    if not (1 <= cell[0] <= 6 and 1 <= cell[1] <= 6):
        cell = robot
    floor, reward = list(floor), -0.1
    for k, where in enumerate(objects):
        if floor[k] and cell == where:
            floor[k], reward = False, (1.0, -1.0)[k]
    ended = not floor[0] and cell == delivery
    return tuple(floor), cell, 1.0 if ended else reward, ended


@pytest.mark.parametrize("objects", [1, 2])
def test_every_step_of_the_room_follows_the_rules(objects):
    room = Room(objects, "everywhere", observation="place", pixels=1)
    for state in range(0, room.n_states, 7):
        if state in room.terminal:
            continue
        delivery, place = divmod(state, room.n_places)
        for action in range(4):
            floor, cell, reward, ended = rules(*room.places[place], room.deliveries[delivery], room.objects, action)
            ((chance, after, found),) = room.outcomes(state, action)
            assert chance == 1 and room.places[after % room.n_places] == (floor, cell)
            assert after // room.n_places == delivery and found == reward and (after in room.terminal) == ended


def test_the_goal_is_shown_and_a_start_has_all_objects():
    room = Room(2, pixels=2)
    for seed in range(5):
        seen, info = room.reset(seed=seed, options={"delivery": (6, 1)})
        assert room.places[room.index_of(seen) % room.n_places][0] == (True, True)
        floor, cell = room.places[room.index_of(info["goal"]) % room.n_places]
        assert floor == (False, True) and cell == (6, 1)
    room.reset(options={"delivery": (1, 1), "state": room.images()[room.place_of((5, 4))]})
    _, reward, ended, _, _ = room.step(3)
    assert reward == 1 and not ended and room.places[room.state % room.n_places] == ((False, True), KEY)
    room.reset(options={"state": room.images()[room.place_of((3, 2))]})
    assert room.step(3)[1] == -1 and room.places[room.state % room.n_places] == ((True, False), MAIL)


def test_optimal_play_of_the_table_takes_a_shortest_walk():
    room = Room(deliveries=[(1, 6)], pixels=1)
    best = value_iteration(room.tabular(0.99)).policy.argmax(axis=1)
    starts, goal = room.start_states, room.place_of((1, 6), key=False)
    options = {"states": starts}
    _, lengths = play(room.copies, best.__getitem__, len(starts), options=options)
    assert (lengths == shortest(room.moves(), goal)[starts]).all()
    assert (walk(room.moves(), best.__getitem__, starts, goal) == lengths).all()


def test_wrong_rooms_are_refused():
    for options in ({"objects": 3}, {"slip": 2}, {"pixels": 0}, {"observation": "text"}, {"deliveries": [KEY]}):
        with pytest.raises(ValueError, match="expected"):
            Room(**options)
    with pytest.raises(ValueError, match="can't be"):
        Room().place_of(KEY, key=True)
    with pytest.raises(ValueError, match="no place"):
        Room(pixels=1).set_state(np.zeros((3, 8, 8)))
    with pytest.raises(ValueError, match="expected 0 to 70"):
        Room(observation="place").set_state(71)


def test_sprites_move_by_a_pixel_and_end_on_the_goal_only():
    shift = Sprites(digits()[:3], left_goals=False)
    for seed in range(20):
        seen, info = shift.reset(seed=seed)
        rows = np.argwhere(info["goal"][0] > 0)
        assert seen.shape == (1, 14, 14) and len(rows) > 0
        for action in np.random.default_rng(seed).integers(0, 4, 30):
            after, reward, ended, _, now = shift.step(int(action))
            moved = np.roll(seen[0], ((-1, 0), (0, -1), (1, 0), (0, 1))[action], axis=(0, 1))
            assert np.array_equal(after[0], moved) or np.array_equal(after, seen)  # or it stands at the border
            assert ended == np.array_equal(after, now["goal"]) and reward == float(ended)
            if ended:
                break
            seen = after
    with pytest.raises(ValueError, match="expected 0 to 3"):
        shift.step(4)
    with pytest.raises(ValueError, match=r"expected .n, 8, 8."):
        Sprites(np.zeros((2, 9, 9)))


def test_moves_of_sprites_against_the_rules():
    moves = sprites.moves()
    for place in range(49):
        row, column = divmod(place, 7)
        expected = [
            (max(row - 1, 0), column),
            (row, max(column - 1, 0)),
            (min(row + 1, 6), column),
            (row, min(column + 1, 6)),
        ]
        assert [tuple(divmod(int(after), 7)) for after in moves[place]] == expected
    assert sorted({p % 7 for p in sprites.goals(True)}) == [0, 1, 2]
    assert sorted({p % 7 for p in sprites.goals(False)}) == [4, 5, 6]


def test_copies_of_sprites_do_the_same_among_others_as_alone():
    together, alone = SpriteCopies(3, 9), SpriteCopies(1, 9)
    seen, one = together.reset(seed=[4, 5, 6])[0], alone.reset(seed=[5])[0]
    draw = np.random.default_rng(0)
    for _ in range(300):
        assert seen[1] == one[0]
        actions = draw.integers(0, 4, 3)
        seen, rewards, ended, cut, info = together.step(actions)
        one, reward, end, cut_off, info_one = alone.step(actions[1:2])
        assert (rewards[1], ended[1], cut[1], info["goal"][1]) == (reward[0], end[0], cut_off[0], info_one["goal"][0])


def test_train_and_test_digits_are_apart_and_pictures_come_in_order():
    train, test = digits(), digits(train=False)
    assert len(train) == 1300 and len(test) == 497 and train.min() == 0 and train.max() == 1
    assert not {d.tobytes() for d in train} & {d.tobytes() for d in test}
    pictures = sprites.render(train[:2])
    assert pictures.shape == (98, 1, 14, 14)
    assert (pictures[49 + 7 * 2 + 5, 0, 2:10, 5:13] == train[1]).all()  # sprite 1, row 2, column 5
    steps = collect(lambda n: SpriteCopies(n, 2), 20, seed=0)
    assert (steps.observations[steps.states] // 49 == steps.observations[steps.next_states] // 49).all()
    assert (steps.rewards == steps.terminated).all()

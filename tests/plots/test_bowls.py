"""The drawing of the bowl."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.quiver import Quiver

from symrl_lite.plots import draw_bowl

PATH = np.array([[0.0, 0.5], [0.1, 0.6], [0.3, 0.6]])


def test_what_is_drawn():
    axes = Figure().subplots()
    draw_bowl(axes, PATH, (0.4, 0.6), [[1.0, 0.0], [0.5, 0.5]], label="lived", radius=0.2, mirror=np.pi / 2)
    wall, goal = (part for part in axes.patches if isinstance(part, Circle))
    assert wall.radius == 1.2 and goal.radius == 0.2 and goal.center == (0.4, 0.6)
    lines = [np.array(line.get_data()).T for line in axes.lines]
    assert any(np.array_equal(line, PATH) for line in lines)  # y upwards, x to the right
    assert any(np.array_equal(line, PATH[-1:]) for line in lines)
    assert any(np.allclose(line, [[0, -1.3], [0, 1.3]], atol=1e-12) for line in lines)
    (arrows,) = (part for part in axes.collections if isinstance(part, Quiver))
    assert np.array_equal(arrows.XY, PATH[:2]) and arrows.U.tolist() == [1.0, 0.5] and arrows.V.tolist() == [0.0, 0.5]
    assert axes.get_legend_handles_labels()[1] == ["lived"] and not axes.yaxis_inverted()


def test_two_paths_on_one_picture_and_none_of_what_is_left_out():
    axes = Figure().subplots()
    draw_bowl(axes, PATH[:1], (0, 0))
    assert not [part for part in axes.collections if isinstance(part, Quiver)] and len(axes.lines) == 3
    draw_bowl(axes, -PATH, (0, 0), marker="s")
    assert len(axes.patches) == 4 and {line.get_marker() for line in axes.lines} >= {"o", "s"}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"path": PATH[0]}, ValueError, r"path has shape \(2,\)"),
        ({"path": PATH[:0]}, ValueError, r"path has shape \(0, 2\)"),
        ({"path": np.zeros((3, 3))}, ValueError, r"path has shape \(3, 3\)"),
        ({"path": PATH * np.nan}, ValueError, "path"),
        ({"path": "here"}, ValueError, "path"),
        ({"goal": (0, 0, 0)}, ValueError, r"goal \(3,\)"),
        ({"goal": None}, ValueError, "goal"),
        ({"forces": np.zeros((4, 2))}, ValueError, r"forces have shape \(4, 2\), expected"),
        ({"forces": np.zeros(2)}, ValueError, r"forces have shape \(2,\)"),
        ({"radius": 0}, ValueError, "radius is 0"),
        ({"mirror": "up"}, TypeError, "mirror is"),
        ({"mirror": np.inf}, ValueError, "mirror is inf"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        draw_bowl(Figure().subplots(), **{"path": PATH, "goal": (0, 0), **change})

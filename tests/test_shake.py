"""What `make shake` lists, and what it lets pass: a small course whose chapters hang on the things that it varies."""

import subprocess
import sys

import pytest
from nbformat import write
from nbformat.v4 import new_code_cell, new_notebook

from tools import shake
from tools.notebooks.kernel import Setting
from tools.notebooks.progress import Progress

# ipykernel and traitlets warn about themselves; these tests are about what the program does.
pytestmark = pytest.mark.filterwarnings("default")
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
WAY = "import os\nway = os.environ.get('WAY')"
CHAPTERS = {
    "01_same": ["print('The error is', 0.5 + len('x'))", f"{WAY}\nprint((way or '12 e')[:2], 'of 3')"],
    "02_words": [f"{WAY}\nprint('first line')\nprint('It is', 'ahead' if way else 'level')"],
    "03_fails": [f"{WAY}\nassert way is None, 'hangs on the way'", "print('still run')"],
    "04_seeds": [
        "import numpy as np\nx = np.random.default_rng(0).integers(10**9)",
        "print('even' if x % 2 else 'odd')",
    ],
}
OTHERS = "import numpy as np\n_old = np.random.default_rng\nnp.random.default_rng = lambda seed: _old(seed + 3)"


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    (root / "notebooks").mkdir()
    for stem, code in CHAPTERS.items():
        cells = [new_code_cell(source) for source in code]
        write(new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), root / "notebooks" / f"{stem}.ipynb")
    moved = Setting(
        prelude="import numpy as np\n_old = np.random.default_rng\nnp.random.default_rng = lambda s: _old(s + 3)"
    )
    chosen = {"own": Setting(keep_going=True), "way": Setting({"WAY": "7 elsewhere"}, keep_going=True), "moved": moved}
    return shake.shake(root, [], chosen, say=lambda line: None)


def test_other_numbers_are_no_finding(found):
    assert [str(found["01_same", name])[:2] for name in ("own", "way", "moved")] == ["ok"] * 3


def test_other_words_are_listed_as_they_stood_and_as_they_stand(found):
    assert found["02_words", "way"].changes == ("cell 0: - It is level", "cell 0: + It is ahead")
    assert str(found["02_words", "way"]) == "2 lines changed"


def test_a_failure_is_listed_and_the_cells_below_are_run(found):
    failures = found["03_fails", "way"].failures
    assert len(failures) == 1 and "cell 0" in failures[0] and "hangs on the way" in failures[0]
    assert not found["03_fails", "own"].failures and not found["03_fails", "way"].changes


def test_seeds_can_be_moved_before_the_chapter_starts(found):
    assert found["04_seeds", "moved"].changes and not found["04_seeds", "way"].changes


def test_the_table_names_every_chapter_and_variation(found):
    lines = shake.table_of(found).splitlines()
    assert lines[0].split() == ["own", "way", "moved"] and [line.split()[0] for line in lines[1:]] == list(CHAPTERS)
    assert "1 failed" in lines[3] and "2 lines changed" in lines[2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("error 3e-07 of 1,000", "error 1.2e-6 of 10", True),
        ("gain 1.86 (1 to inf)", "gain 2.1 (1.5 to 3)", True),
        ("4.5 | 17", "12.25   | 3", True),
        ("at state [ 4.058e-02  2.350e-04 -1.112e+00], action 0", "at state [ 0.035  0.014 -1.65 ], action 0", True),
        ("seed 1: ahead", "seed 1: behind", False),
        ("C4 wins", "D4 wins", False),
        ("x1 is larger", "x2 is larger", False),
    ],
)
def test_what_counts_as_words(one, other, same):
    assert (shake.words(one) == shake.words(other)) is same


def test_the_other_seeds_reach_numpy_torch_and_gymnasium():
    """In a process of its own: what moves the seeds would stay in this one."""
    draw = (
        "\nimport numpy as np, torch, gymnasium"
        "\ndef draw(by):"
        "\n    first = gymnasium.make('CartPole-v1').reset(seed=2 + by)[0].tolist()"
        "\n    torch.manual_seed(5 + by)"
        "\n    numbers = [np.random.default_rng([by, 7]).random(), np.random.default_rng(seed=3 + by).random()]"
        "\n    return [*numbers, np.random.SeedSequence(4 + by).entropy, torch.randn(2).tolist(), first]"
    )
    code = f"{draw}\nwanted, unmoved = draw({shake.SHIFT}), draw(0)\n{shake.OTHER_SEEDS}\nmoved = draw(0)"
    code += "\nassert moved[:4] == wanted[:4] and all(a != b for a, b in zip(moved, unmoved)), (moved, wanted)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_line_of_progress_names_the_variations_and_counts_what_would_not_fit():
    progress = Progress([f"{stem} {name}" for stem in CHAPTERS for name in ("own", "seeds", "avx2", "numpy")], print)
    progress.started("02_words seeds")
    assert "running: 02 seeds (0 s)" in progress.line() and "left: 01 own, 01 seeds," in progress.line()
    progress.waiting += ["05 own"] * 5
    assert progress.line().endswith("left: 20")


def test_every_variation_can_be_had_here():
    names = list(shake.variations())
    assert names == ["own", "default", "avx2", "numpy", "threads2", "threads4", "seeds"]
    assert all(setting.keep_going for setting in shake.variations().values())

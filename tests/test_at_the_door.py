"""Every public function is tried with other people's data: what it computes is right, or it refuses in a sentence."""

import pytest

from tests.door import learning, mathematics, processes, worlds
from tests.door.judge import complaints

TABLE = [*mathematics.TABLE, *processes.TABLE, *learning.TABLE, *worlds.TABLE]


@pytest.mark.parametrize("tried", TABLE, ids=[f"{k}-{tried.name}" for k, tried in enumerate(TABLE)])
def test_the_right_thing_or_a_refusal(tried):
    wrong = complaints(tried)
    assert not wrong, "\n" + "\n".join(wrong)

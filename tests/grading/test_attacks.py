"""What a hostile submission tries, and what stops it. Each attack must gain nothing and harm no one else.

An attack says in one line what it tries and in another what stops it. Most of them leave the questions unsolved and
want their points all the same; `leaks` are answers that would carry home what they could see.
"""

from __future__ import annotations

import ast
import os
import pickle
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.grading import look, sample
from tools.grading import notebook as nb
from tools.grading import referee, sandbox
from tools.grading.assignment import Assignment

UNSOLVED = {"q1": "order = None", "q2": "def mirrored(x):\n    raise NotImplementedError", "q3": "pass"}
TESTS = ("q1_value", "q2_small", "q2_general", "q3_calls")
RAISE = "\ndef mirrored(x):\n    raise RuntimeError(repr(loot))\n"


@dataclass(frozen=True)
class Attack:
    """Code in the cell of q2, with the other questions unsolved. No test may pass."""

    tries: str
    stops: str
    code: str
    seconds: float = 3.0  # what a call may take


FORGED = [
    Attack(
        "to make every comparison of NumPy true",
        "the tests have their own NumPy, in another process",
        """\
import numpy, numpy.testing
for module in (numpy, numpy.testing):
    for name in dir(module):
        if name.startswith(('assert', 'allclose', 'array_equal', 'isclose', 'shape')):
            setattr(module, name, lambda *a, **k: True)
def mirrored(x):
    return x""",
    ),
    Attack(
        "to return an object whose == is always true",
        "only data crosses; anything else arrives as a name tag that is equal to nothing",
        """\
class Yes:
    def __eq__(self, other): return True
    def __array__(self, *a, **k): return self
    shape = (3,)
    def __len__(self): return 3
    def __getitem__(self, i): return self
    def __abs__(self): return 0
    def __sub__(self, other): return 0
order = Yes()
def mirrored(x):
    return Yes()""",
    ),
    Attack(
        "to return a number or an array whose == is always true",
        "a subclass arrives as the plain type",
        """\
class Seven(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
order = Seven(7)
class A(np.ndarray):
    def __eq__(self, other): return np.ones(3, bool)
def mirrored(x):
    return np.zeros(np.shape(x)).view(A)""",
    ),
    Attack(
        "to pass with NaN",
        "tests compare with allclose, for which NaN is not close to anything",
        "order = float('nan')\ndef mirrored(x):\n    return np.full(np.shape(x), np.nan)",
    ),
    Attack(
        "to end Python happily before the tests run",
        "a process that ended has answered nothing",
        "import os, sys\nsys.exit(0)\nos._exit(0)",
    ),
    Attack(
        "to end Python happily inside a test",
        "an end during a call is a failed call",
        "import os\ndef mirrored(x):\n    os._exit(0)",
    ),
    Attack(
        "to define the names that the tests define, and more",
        "the tests' names are the tests' own; only what the source's answers define is fetched",
        """\
given = got = [1, 2, 3]
double = DATA = groups = None
TESTS_PASSED = True
class AssertionError(Exception): pass
def mirrored(x): return given""",
    ),
    Attack(
        "to change the builtins: assert, isinstance, len, abs, all",
        "the builtins of the student's process are not those of the tests",
        """\
import builtins
builtins.AssertionError = type('Nothing', (BaseException,), {})
for name in ('all', 'any', 'len', 'abs', 'isinstance', 'repr', 'str'):
    setattr(builtins, name, lambda *a, **k: True)
def mirrored(x): return x""",
    ),
    Attack(
        "to change symrl_lite, so that its checks accept everything",
        "the tests import their own symrl_lite",
        """\
import symrl_lite.groups as g
g.FiniteGroup.table = property(lambda self: 0)
g.cyclic = g.dihedral = lambda n: None
def orbit_size(*a): return 4
def table_of(G): return 0""",
    ),
    Attack(
        "to change json, struct and the encoder, so that replies say more than they may",
        "the reader at the tests' side takes data of the allowed kinds and nothing else",
        """\
import json, tools.grading.encoding as e
e.Writer.tree = lambda self, value, depth: ['x', 'anything']
e.Writer.other = lambda *a: ['o', 'FiniteGroup', None]
def mirrored(x): return x""",
    ),
    Attack(
        "to write marks onto standard output",
        "nobody reads it",
        """\
print('{"points": 10}', flush=True)
import os; os.system('echo 10 of 10 passed')
def mirrored(x): print('PASSED')""",
    ),
    Attack(
        "to forge replies on the protocol's pipe",
        "a reply can only say what the student's own function returned; anything else ends the conversation",
        """\
import os, tools.grading.encoding as e
forged = e.Writer().message(('returned', [3, 2, 1])) * 3 + e.Writer().message(('passed', 10)) * 9
for fd in range(3, 12):
    try: os.write(fd, forged)
    except OSError: pass
def mirrored(x): return 0""",
    ),
    Attack(
        "to fill the protocol's pipe with garbage",
        "bytes that are no message end the conversation",
        """\
import os
for fd in range(3, 12):
    try: os.write(fd, os.urandom(4000))
    except OSError: pass
def mirrored(x): return x""",
    ),
    Attack(
        "to send a pickle that runs code in the reader",
        "no pickle is ever read",
        f"""
import os
bomb = {pickle.dumps([1])!r}
def mirrored(x):
    for fd in range(3, 12):
        try: os.write(fd, len(bomb).to_bytes(4, "big") + bytes(4) + bomb)
        except OSError: pass
    return bomb
""",
    ),
    Attack(
        "to announce a reply of 4 GiB and to return 10 GB",
        "the length is looked at before anything is read; memory is limited on both sides",
        """\
import os
def mirrored(x):
    for fd in range(3, 12):
        try: os.write(fd, b'\\xff' * 8)
        except OSError: pass
    return np.zeros(10**9)""",
    ),
    Attack(
        "to return a list nested a thousand times, and one that contains itself",
        "depth and number of parts are limited, before and after the pipe",
        """\
deep = []
for _ in range(1000): deep = [deep]
order = deep
def mirrored(x):
    deep.append(deep)
    return deep""",
    ),
    Attack(
        "to keep the tests busy with a gigantic range or integer",
        "ranges and integers that cross are limited",
        "order = range(10**15)\ndef mirrored(x): return 10 ** (10**6)",
    ),
    Attack(
        "to call the tests' functions without end, and one that was never given",
        "calls are counted and end with the time limit; unknown numbers end the conversation",
        """\
def orbit_size(group, action, point):
    while True: action(0, 1)
def table_of(group): return 0
def mirrored(x): return 0""",
        seconds=1.0,
    ),
    Attack(
        "to print without end",
        "output goes nowhere, and the time limit ends the loop",
        "def mirrored(x):\n    while True: print('x' * 10**6)",
        seconds=1.0,
    ),
]


@pytest.mark.parametrize("attack", FORGED, ids=lambda attack: attack.tries)
def test_marks_cannot_be_forged_and_others_are_kept(grade: Any, attack: Attack) -> None:
    """No test of the attacked questions passes, and the one question that is solved keeps its marks."""
    begin = time.monotonic()
    answers = UNSOLVED | {"q2": attack.code}
    if "order" in attack.code:  # it wants the marks of q1, too, so it stands there as well
        found, kept = grade(seconds=attack.seconds, **answers | {"q1": attack.code, "q3": sample.Q3}), "q3_calls"
    else:
        del answers["q1"]
        found, kept = grade(seconds=attack.seconds, **answers), "q1_value"
    assert [test for test in TESTS if not found[test]] == [kept], attack.stops
    assert time.monotonic() - begin < 60


@pytest.fixture(scope="module")
def seen(grade: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one closed process found of all that it should not see, by the name of what it looked for."""
    others = tmp_path_factory.mktemp("class")
    sample.hand_in(others, "another student", b"their answers")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("A_SECRET", "of the instructor's")
        said = grade(q2=look.code(sandbox.ROOT, [others]) + look.SAY)["q2_small"]
    kind, _, text = said.partition(": ")
    assert kind == "Your function raised RuntimeError", said
    found: dict[str, Any] = ast.literal_eval(text)
    return found


@pytest.mark.parametrize("what", look.WHAT)
def test_there_is_nothing_to_steal(seen: dict[str, Any], what: str) -> None:
    """Tries to read what is named; the closed process does not see it: no mount, no variable, no process, no name."""
    assert set(seen) <= set(look.WHAT)
    assert what not in seen


CONFINED = {
    "a connection to the internet": ("import socket\nsocket.create_connection(('1.1.1.1', 80), 3)", "OSError"),
    "a service on the grader's machine": ("import socket\nsocket.create_connection(('127.0.0.1', {port}), 3)", "Error"),
    "to write into the course's environment": (
        "import numpy, os\nopen(os.path.dirname(numpy.__file__) + '/x.py', 'w')",
        "OSError|PermissionError",
    ),
    "to write into the package": ("import symrl_lite\nopen(symrl_lite.__file__, 'a')", "OSError|PermissionError"),
    "to write beside its home": ("open('/environment/x', 'w')", "OSError|PermissionError"),
    "more memory than there may be": ("x = np.ones(10**9)", "MemoryError"),
    "a file that fills the disk": ("open('x', 'wb').write(b'x' * (40 << 20))", "OSError"),
    "many files that fill the disk": ("for i in range(50): open(f'x{{i}}', 'wb').write(b'x' * 10**7)", "OSError"),
    "to become root again": ("import os\nos.setuid(0)", "OSError"),  # not allowed, or no such user in there
    "to mount, to kill, to trace": ("import os\nos.chroot('/')", "PermissionError"),
    "a new user namespace, for more rights": (
        "import subprocess\nsubprocess.run(['unshare', '-Ur', 'mount', '-t', 'tmpfs', 'x', '/usr'], check=True)",
        "Error",
    ),
}
BOMBS = {  # one process each: they leave no room for anything else
    "a fork bomb": (
        "import os\nfor _ in range(500):\n    if os.fork() == 0:\n        import time; time.sleep(60)",
        "BlockingIOError",
    ),
    "a thread bomb": (
        """\
import threading, time
for _ in range(500): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()""",
        "RuntimeError",
    ),
}


def trial(what: str, code: str) -> str:
    """Code that notes under which name an attempt failed."""
    indented = "\n".join(f"    {line}" for line in code.splitlines())
    failed = (
        f"except BaseException as error:\n    loot[{what!r}] = [kind.__name__ for kind in type(error).__mro__[:-3]]"
    )
    return f"loot[{what!r}] = 'it worked'\ntry:\n{indented}\n{failed}\n"


@pytest.fixture(scope="module")
def confined(grade: Any) -> dict[str, str]:
    """How each attempt ended, all of them made in one closed process, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        attempts = "".join(trial(what, code.format(port=port)) for what, (code, _) in CONFINED.items())
        found = grade(q2=f"loot = {{}}\n{attempts}{RAISE}")
    said = found["q2_small"].removeprefix("Your function raised RuntimeError: ")
    assert said.startswith("{"), said
    assert found["q1_value"] == found["q3_calls"] == "", "the others keep their marks"
    return {what: str(how) for what, how in ast.literal_eval(said).items()}


@pytest.mark.parametrize("what", CONFINED)
def test_the_closed_process_is_confined(confined: dict[str, str], what: str) -> None:
    """Tries to get what is named; namespaces, read-only mounts and limits stop it; other questions keep their marks."""
    assert re.search(CONFINED[what][1], confined[what]), confined[what]
    assert "it worked" not in confined[what]


@pytest.mark.parametrize("what", BOMBS)
def test_a_bomb_harms_nobody(grade: Any, what: str) -> None:
    """Tries to use up the machine's processes; a limit stops it; other questions keep their marks."""
    code, kind = BOMBS[what]
    found = grade(q2=f"loot = {{}}\n{trial(what, code)}{RAISE}")
    assert re.search(kind, found["q2_small"]), found["q2_small"]
    assert "it worked" not in found["q2_small"]
    assert found["q1_value"] == found["q3_calls"] == ""


def test_pages_that_processes_share_are_counted_once(bubblewrap: None, course: Path) -> None:
    """A hundred sleeping copies hold hardly more than one process; what one of them writes counts in full."""
    process = sandbox.Process(course, slot=53)
    try:
        alone = held(process)
        fork = "import os, time, numpy\nfor _ in range({}):\n    if os.fork() == 0:\n        {}time.sleep(60)\n"
        process.wire.send(("cell", fork.format(100, "")), deadline=time.monotonic() + 60)
        assert process.wire.receive(deadline=time.monotonic() + 60) == ("done", None)
        copies = held(process)
        assert len(process.family.members) >= 100
        assert copies < alone + (600 << 20)
        process.wire.send(("cell", fork.format(4, "x = numpy.ones(1 << 24); ")), deadline=time.monotonic() + 60)
        assert process.wire.receive(deadline=time.monotonic() + 60) == ("done", None)
        until = time.monotonic() + 20
        while held(process) < copies + (500 << 20) and time.monotonic() < until:
            time.sleep(0.1)
        assert copies + (500 << 20) <= held(process) <= copies + (700 << 20)
    finally:
        process.stop()


def held(process: sandbox.Process) -> int:
    """Bytes that all of a closed place's processes hold now."""
    process.family.look()
    return process.family.memory()


def test_many_processes_together_cannot_take_all_memory(grade: Any) -> None:
    """Tries to use much memory in several processes; all of them are counted together and ended together."""
    code = """\
import os, time
for _ in range(6):
    if os.fork() == 0:
        x = np.ones(2 * 10**7)
        time.sleep(60)
time.sleep(4)
"""
    found = grade(limits=sandbox.Limits(together=400 << 20), q2=code + sample.Q2)
    assert "too much memory" in found["q2_small"]
    assert found["q1_value"] == found["q3_calls"] == ""


def test_the_place_ends_with_bubblewrap(bubblewrap: None, course: Path) -> None:
    """However the grader ends, nothing is left: the kernel ends the first process, and it all others."""
    process = sandbox.Process(course, slot=52)
    members = process.family.look()
    assert len(members) >= 3
    process.kill()
    process.stop()
    until = time.monotonic() + 5
    while any(psutil.pid_exists(member) for member in members) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [member for member in members if psutil.pid_exists(member)]


def test_a_grader_that_is_killed_leaves_nothing_behind(bubblewrap: None, course: Path) -> None:
    code = "import os, sys; from pathlib import Path; from tools.grading import sandbox\n"
    code += "process = sandbox.Process(Path(sys.argv[1]), slot=54)\n"
    code += "print(*process.family.look(), flush=True)\nos.kill(os.getpid(), 9)"
    command = [sys.executable, "-c", code, str(course)]
    variables = {**os.environ, "PYTHONPATH": str(sandbox.ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=sandbox.ROOT, env=variables)
    members = [int(word) for word in done.stdout.split()]
    assert len(members) == 3, done.stderr
    until = time.monotonic() + 5
    while any(is_alive(member) for member in members) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [member for member in members if is_alive(member)]


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended may be listed until somebody asks for its status."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_nothing_goes_on_after_the_end(grade: Any) -> None:
    """Tries to leave a process behind that outlives the grading; the namespace's end ends it."""
    code = "import subprocess\nsubprocess.Popen(['setsid', 'nohup', 'sleep', '98765'], start_new_session=True)\n"
    assert grade(q2=code + sample.Q2)["q2_small"] == ""
    time.sleep(0.3)
    assert not [p for p in psutil.process_iter(["cmdline"]) if "98765" in (p.info["cmdline"] or [])]


def test_changed_tests_are_restored(grade: Any, assignment: Assignment) -> None:
    """Tries to replace test and given cells by cells that pass; they come from the source, whatever the file says."""
    notebook = sample.answered(assignment, **UNSOLVED)
    for cell in notebook["cells"]:
        if nb.is_locked(cell) and cell["cell_type"] == "code":
            cell["source"] = "order, mirrored = 8, lambda x: np.asarray(x)[..., ::-1]"
            cell["metadata"]["nbgrader"] |= {"points": 100, "solution": True, "locked": False}
    assert [test for test in TESTS if not grade(notebook)[test]] == []


def test_a_function_may_know_the_hidden_tests_arguments_and_gains_nothing_from_them(grade: Any) -> None:
    """Tries to look up the stack for the expected value; the caller is in another process."""
    code = """\
import sys
def mirrored(x):
    frame, found = sys._getframe(), []
    while frame:
        found += [str(k) for k in frame.f_locals] + [str(k) for k in frame.f_globals]
        frame = frame.f_back
    assert not [k for k in found if 'secret_word' in k]
    return np.asarray(x)[..., ::-1]"""
    assert grade(q2=code)["q2_general"] == ""


def test_a_worker_of_the_students_cannot_answer_for_the_process(grade: Any) -> None:
    """Tries to let forked copies answer calls; a copy has lost the pipe."""
    code = "import os\nfor _ in range(5): os.fork()\n"
    assert grade(q2=code + sample.Q2) == dict.fromkeys(TESTS, "")


def test_without_a_closed_process_there_are_still_limits(
    assignment: Assignment, base: Any, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UNSANDBOXED=1: files are open, but there is a process of its own, no variables, a limit on time and memory."""
    monkeypatch.setattr("tools.grading.session.IMPORT_SECONDS", -1.0)
    monkeypatch.setenv("A_SECRET", "x")

    def start() -> sandbox.Process:
        return sandbox.Process(course, sandboxed=False)

    code = "import os\nloot = [k for k in os.environ if 'SECRET' in k], os.getcwd()\nx = np.ones(10**9)\n" + sample.Q2
    notebook = sample.answered(assignment, q2=code, q3="while True: pass")
    found = {one.test: one for one in referee.run(assignment, notebook, base, start)}
    assert found["q1_value"].passed and "too much memory" in found["q2_small"].message and not found["q3_calls"].passed

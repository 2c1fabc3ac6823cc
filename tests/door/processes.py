"""Tables, maps between them, symmetries of them, steps and episodes."""

from types import SimpleNamespace

import gymnasium
import numpy as np
from scipy import sparse

from symrl_lite import homomorphism, mdp, symmetry
from symrl_lite.data import episodes, transitions
from symrl_lite.envs.cartpole import CartPoles
from symrl_lite.envs.gridworld import GridWorld
from symrl_lite.envs.shapes import Shapes
from symrl_lite.groups import Representation, cyclic, permutation, regular
from symrl_lite.symmetry import Symmetry
from tests.door.judge import Trial, entry
from tests.door.kinds import array, count, function, given, index, real, seed, thing, whole_array
from tests.door.mathematics import element, elements, group, label

draw = np.random.default_rng(1)
T = draw.dirichlet([1, 1, 1], size=(3, 2))  # (S, A, S)
R = draw.normal(size=(3, 2))
PROCESS = mdp.TabularMDP(T, R, 0.9)
ROWS = sparse.csr_array(T.reshape(6, 3))
SPARSE = mdp.TabularMDP(ROWS, R, 0.9)
a_process = lambda value=PROCESS: thing(value, {}, GridWorld(), words=("process", "mdp"))  # noqa: E731
VALUES = draw.normal(size=3)
POLICY = draw.dirichlet([1, 1], size=3)
policy = lambda: array(POLICY, half=1e-5, extra=True, missing=False)  # noqa: E731

MDP = [
    entry(
        "mdp.TabularMDP",
        mdp.TabularMDP,
        transitions=array(T, words=("P[", "transitions"), half=1e-5),
        rewards=array(R, words=("R[", "rewards"), missing=False, half=1e-5),
        discount=real(0.9, low=0, high=0.95),
        available=given(
            np.ones((3, 2), dtype=bool),
            ("a list", [[True, True]] * 3, np.ones((3, 2), dtype=bool)),
            ("numbers", np.ones((3, 2))),
            ("an axis less", np.ones(3, dtype=bool)),
            ("nothing", np.zeros((3, 2), dtype=bool)),
            ("a text", "all"),
        ),
    ),
    entry(
        "mdp.TabularMDP",
        mdp.TabularMDP,
        transitions=given(
            ROWS,
            ("columns first", ROWS.tocsc(), ROWS),
            ("coordinates", ROWS.tocoo(), ROWS),
            ("a matrix", sparse.csr_matrix(ROWS), ROWS),
            Trial("float32", ROWS.astype(np.float32), ROWS, True, rounding=1e-5),
            ("one row less", ROWS[:5]),
            ("complex numbers", ROWS.astype(complex)),
            ("actions", [ROWS[0::2], ROWS[1::2]], ROWS),
            ("actions of two shapes", [ROWS[0::2], ROWS[:2]]),
            words=("P[",),
        ),
        rewards=given(R),
        discount=given(0.9),
    ),
    entry(
        "mdp.TabularMDP.from_gymnasium",
        mdp.TabularMDP.from_gymnasium,
        env=thing(gymnasium.make("FrozenLake-v1"), words=("P",)),
        discount=real(0.9, low=0, high=0.95),
    ),
    entry("mdp.TabularMDP.dense", SPARSE.dense),
    entry("mdp.TabularMDP.row", PROCESS.row, state=index(2, 3), action=index(1, 2)),
    entry("mdp.TabularMDP.expected", PROCESS.expected, values=array(VALUES, nan="shown", extra=False, empty=True)),
    entry("mdp.TabularMDP.q_values", SPARSE.q_values, values=array(VALUES, nan="shown", extra=False)),
    entry("mdp.Solution", lambda: mdp.Solution(VALUES, R, POLICY, 1, np.zeros(1))),
    entry("mdp.finite_horizon", mdp.finite_horizon, mdp=a_process(), steps=count(3, low=0), discount=real(1.0, 0, 1)),
    entry(
        "mdp.greedy_policy",
        mdp.greedy_policy,
        q_values=array(R, nan="any", missing=False, extra=False, other_length=None, empty=False),
        atol=real(0.1, low=0),
    ),
    entry("mdp.policy_evaluation", mdp.policy_evaluation, mdp=a_process(), policy=policy()),
    entry("mdp.policy_evaluation", mdp.policy_evaluation, mdp=a_process(SPARSE), policy=whole_array([1, 0, 1], high=1)),
    entry("mdp.policy_iteration", mdp.policy_iteration, mdp=a_process()),
    entry("mdp.value_iteration", mdp.value_iteration, mdp=a_process(), tolerance=real(1e-6, low=0, open_low=True)),
]

FOLD = homomorphism.coarsest_homomorphism(PROCESS)
BOTH = Symmetry(cyclic(2), lambda g, s: [0, 2, 1][s] if g else s, permutation(cyclic(2), [[0, 1], [0, 1]]))
HOMOMORPHISM = [
    entry(
        "homomorphism.MDPHomomorphism",
        homomorphism.MDPHomomorphism,
        ground=a_process(),
        image=a_process(),
        state_map=whole_array([0, 1, 2], high=2),
        action_map=whole_array([[0, 1]] * 3, high=1),
    ),
    entry("homomorphism.MDPHomomorphism.errors", FOLD.errors),
    entry("homomorphism.HomomorphismErrors", lambda: homomorphism.HomomorphismErrors(R, R)),
    entry("homomorphism.MDPHomomorphism.holds", FOLD.holds, atol=real(1e-9, low=0)),
    entry("homomorphism.MDPHomomorphism.lift", FOLD.lift, policy=policy()),
    entry("homomorphism.MDPHomomorphism.lift_q", FOLD.lift_q, q_values=array(R, nan="any")),
    entry("homomorphism.MDPHomomorphism.lift_values", FOLD.lift_values, values=array(VALUES, nan="any")),
    entry("homomorphism.quotient", homomorphism.quotient, mdp=a_process(), symmetry=thing(BOTH)),
    entry(
        "homomorphism.coarsest_homomorphism", homomorphism.coarsest_homomorphism, mdp=a_process(), atol=real(1e-9, 0)
    ),
    entry(
        "homomorphism.refine",
        lambda mdp, atol: list(homomorphism.refine(mdp, atol=atol)),
        mdp=a_process(),
        atol=real(1e-9, 0),
    ),
    entry(
        "homomorphism.loss_bound", homomorphism.loss_bound, homomorphism=thing(FOLD), span=real(1.0, low=0, none=True)
    ),
]

MIRROR = Symmetry(cyclic(2), lambda g, s: -s if g else s, regular(cyclic(2)))
PUSHED = Symmetry(cyclic(2), lambda g, s: -s if g else s, Representation(cyclic(2), [np.eye(2), -np.eye(2)]))
told = lambda s: [s.group.table, s.name]  # noqa: E731
seen = draw.normal(size=(4, 2))
SYMMETRY = [
    entry(
        "symmetry.Symmetry",
        Symmetry,
        view=told,
        group=group(cyclic(2)),
        on_states=function(lambda g, s: s),
        on_actions=function(lambda g, q: q, none=True),
        name=label(),
    ),
    entry("symmetry.Symmetry.restrict", MIRROR.restrict, view=told, errors=(IndexError,), generators=elements()),
    entry(
        "symmetry.Symmetry.act_on_state",
        lambda g: MIRROR.act_on_state(g, 0.5),
        errors=(IndexError,),
        g=element("r", cyclic(2)),
    ),
    entry(
        "symmetry.Symmetry.act_on_action_values",
        MIRROR.act_on_action_values,
        errors=(IndexError,),
        g=element("r", cyclic(2)),
        q=array([0.25, 0.5], nan="any", missing=False, extra=False, complex_too=True, words=("x ",)),
    ),
    entry(
        "symmetry.Symmetry.act_on_action",
        PUSHED.act_on_action,
        errors=(IndexError,),
        g=element("r", cyclic(2)),
        a=array([0.25, 0.5], nan="any", missing=False, extra=False, complex_too=True, words=("x ", "a ")),
    ),
    entry(
        "symmetry.permutations_of",
        symmetry.permutations_of,
        symmetry=given(BOTH),
        n_states=given(3),
        n_actions=given(2),
    ),
    entry(
        "symmetry.audit",
        lambda subject, symmetry: vars(symmetry_report(subject, symmetry)),
        subject=given(
            GridWorld(3).tabular(), ("a number", 3), ("a text", "three"), ("None", None), words=("TabularMDP",)
        ),
        symmetry=given(GridWorld(3).symmetries(), ("a number", 3), ("None", None)),
    ),
    entry("symmetry.AuditReport", lambda: symmetry_report(GridWorld(3).tabular(), GridWorld(3).symmetries()).holds),
    entry(
        "symmetry.augment",
        symmetry.augment,
        batch=given(
            {"states": seen, "actions": [0, 1, 0, 1]},
            ("a list", [1]),
            ("None", None),
            ("an unknown key", {"states": seen, "state_vectors": seen}),
            words=("state_vectors",),
        ),
        symmetry=given(MIRROR, ("a number", 3), ("None", None)),
    ),
]


def symmetry_report(subject, by):
    return SimpleNamespace(**{k: getattr(symmetry.audit(subject, by), k) for k in ("holds", "rewards", "transitions")})


LINE = [[0, 1], [0, 2], [1, 2]]
STEPS = transitions.Transitions(np.eye(3), [0, 1], [0, 1], [0.25, 1.0], [1, 2], [False, True], [0, 0])
right = lambda states: np.ones(len(states), dtype=int)  # noqa: E731
environment = lambda value: given(  # noqa: E731
    value,
    ("a number", 3),
    ("None", None),
    ("an array", np.eye(2)),
    ("a list", [value]),
    words=("Gymnasium", "environment"),
)
moves = lambda: whole_array(LINE, high=2)  # noqa: E731
TRANSITIONS = [
    entry(
        "data.Transitions",
        lambda **given: transitions.Transitions(**given),
        observations=array(np.eye(3), nan="any", missing=False, extra=False, whole=True, words=("expected 0 to -1",)),
        states=whole_array([0, 1], high=2),
        actions=whole_array([0, 1]),
        rewards=array([0.5, 1.0]),
        next_states=whole_array([1, 2], high=2),
        terminated=whole_array([0, 1], high=1),
        episodes=whole_array([3, 5], low=None),
    ),
    entry(
        "data.Transitions.look_up",
        STEPS_OF_NUMBERS := transitions.Transitions([2, 0], [0], [1], [0], [1], [False], [0]).look_up,
        table=array(draw.normal(size=(3, 2)), nan="any", missing=False, words=("observations",)),
    ),
    entry("data.Transitions.sample", STEPS.sample, n=count(2), seed=seed(0)),
    entry(
        "data.collect",
        transitions.collect,
        environment=environment(CartPoles),
        episodes=count(2),
        seed=seed(0),
        policy=function(None, none=True),
    ),
    entry(
        "data.play",
        transitions.play,
        environment=environment("CartPole-v1"),
        policy=function(right, none=True),
        episodes=count(1),
        seed=seed(3),
    ),
    entry("data.require_next_step_reset", transitions.require_next_step_reset, envs=thing(CartPoles(1))),
    entry("data.shortest", transitions.shortest, moves=moves(), goal=index(2, 3)),
    entry(
        "data.vector_maker",
        transitions.vector_maker,
        view=lambda make: make(1).num_envs,
        environment=environment(CartPoles),
    ),
    entry(
        "data.walk",
        transitions.walk,
        moves=moves(),
        policy=function(right),
        starts=whole_array([0, 1], high=2, empty=False),
        goal=index(2, 3),
        limit=count(9),
    ),
    entry(
        "data.wander",
        transitions.wander,
        moves=moves(),
        starts=whole_array([0, 1], high=2, empty=False),
        goal=index(2, 3),
        limit=count(9),
    ),
]

PICTURES = draw.integers(0, 255, (2, 3, 1, 2, 2))
EPISODES = [
    entry(
        "data.Episodes",
        episodes.Episodes,
        observations=array(PICTURES, nan="any", whole=True, missing=False),
        actions=whole_array([[0, 1], [1, 3]]),
        states=array(draw.normal(size=(2, 3, 2)), nan="any", missing=False),
    ),
    entry(
        "data.record_episodes",
        episodes.record_episodes,
        environment=environment(Shapes(2, 2).copies),
        episodes=count(2),
        steps=count(3),
        seed=seed(0),
        actions=whole_array([0, 3], high=7, none=True),
    ),
]

TABLE = [*MDP, *HOMOMORPHISM, *SYMMETRY, *TRANSITIONS, *EPISODES]

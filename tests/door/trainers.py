"""Trainers, their settings, and what is said of their curves."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from symrl_lite import ddpg, offline_q, plannable, policies, ppo, seeds, views
from symrl_lite.data import collect
from symrl_lite.ddpg import DDPGSettings
from symrl_lite.envs.bowl import KINDS, Bowls, frames
from symrl_lite.envs.cartpole import CartPoles, reflection
from symrl_lite.offline_q import QSettings
from symrl_lite.plannable import PlannableSettings
from symrl_lite.ppo import PPOSettings
from symrl_lite.structured import ranking
from symrl_lite.views import CloneSettings
from tests.door.judge import entry
from tests.door.kinds import array, count, function, given, real, seed, tensor, thing, whole_array, word
from tests.door.networks import body, sizes, state
from tests.door.shared import (
    made,
    module,
)

draw = np.random.default_rng(3)
torch.manual_seed(0)  # networks below are made once, and must be the same in every run
share, positive, coefficient = lambda v: real(v, 0, 1), lambda v: real(v, 0, open_low=True), lambda v: real(v, low=0)
batch = seeds.SeedBatch(lambda: nn.Linear(4, 2), [0, 1])
acting = seeds.SeedBatch(lambda: policies.mlp_policy(4, 2, (4,)), [0])
rows = tensor(draw.normal(size=(2, 3)), extra=False, missing=False, empty=False)
never = torch.zeros(2, 3)
a_list_of_seeds = given(
    [0, 3],
    ("a range", range(0, 6, 3), [0, 3]),
    ("an array", np.array([0, 3]), [0, 3]),
    ("fractions", [0, 1.5]),
    ("texts", ["0", "3"]),
    ("twice", [3, 3]),
    ("none", []),
    ("a number", 3),
    ("None", None),
    ("below 0", [0, -1]),
    ("booleans", [True, False]),
    ("a text", "03"),
    words=("seed",),
)
build = lambda: policies.mlp_policy(4, 2, (4,))  # noqa: E731
TRAINERS = [
    entry(
        "ppo.PPOSettings",
        made(PPOSettings),
        environments=count(4),
        horizon=count(4),
        epochs=count(2),
        minibatches=count(4),
        learning_rate=positive(0.01),
        adam_epsilon=positive(1e-5),
        discount=share(0.9),
        gae_lambda=share(0.5),
        clip=positive(0.2),
        value_coefficient=coefficient(0.5),
        entropy_coefficient=coefficient(0.1),
        largest_gradient=positive(0.5),
        evaluate_every=count(64),
        evaluation_episodes=count(3),
    ),
    entry("ppo.PPOSettings.of_the_paper", PPOSettings.of_the_paper, learning_rate=positive(0.01)),
    entry("ppo.TrainingRun", lambda: len(ppo.TrainingRun(np.zeros(1), np.zeros((1, 1)), []).networks)),
    entry(
        "ppo.advantages_and_targets",
        ppo.advantages_and_targets,
        rewards=rows,
        values=tensor(draw.normal(size=(2, 4)), extra=False, missing=False, empty=False),
        terminated=given(
            never, ("booleans", never.bool(), never), ("twos", never + 2), ("another shape", never[:, 1:])
        ),
        ended=given(never, ("halves", never + 0.5), ("an array", never.numpy(), never)),
        discount=share(0.9),
        gae_lambda=share(0.5),
    ),
    entry(
        "ppo.clipped_objective",
        ppo.clipped_objective,
        ratio=tensor(1 + draw.random((2, 3)), extra=False, missing=False, empty=False),
        advantages=tensor(draw.normal(size=(2, 3)), extra=False, missing=False, empty=False),
        clip=positive(0.2),
    ),
    entry(
        "ppo.evaluate",
        ppo.evaluate,
        environment=given(CartPoles, ("a number", 3), ("None", None)),
        batch=thing(acting, nn.Linear(4, 2)),
        episodes=count(1),
        seed=seed(0),
    ),
    entry(
        "ppo.train_ppo",
        lambda **g: ppo.train_ppo(**g, progress=False).steps,
        environment=given(CartPoles, ("a number", 3), ("None", None)),
        build_network=function(build),
        seeds=a_list_of_seeds,
        total_steps=count(8, low=0),
        settings=thing(
            PPOSettings(environments=2, horizon=4, minibatches=1, epochs=1, evaluate_every=8, evaluation_episodes=1),
            QSettings(),
        ),
        augmentation=thing(reflection(), none=True),
    ),
    entry(
        "offline_q.QSettings",
        made(QSettings),
        updates=count(5, low=0),
        batch_size=count(4),
        learning_rate=positive(0.01),
        discount=share(0.9),
        target_rate=share(0.5),
    ),
]
STEPS = collect(CartPoles, 2)
told = lambda models: [type(m).__name__ for m in models]  # noqa: E731
sets = given(
    STEPS,
    ("a list", [STEPS, STEPS], STEPS),
    ("a number", 3),
    ("None", None),
    ("nothing", []),
    ("numbers", [1, 2]),
    ("an array", np.eye(2)),
    words=("sets",),
)
greedy = offline_q.greedy(body)
TRAINERS += [
    entry(
        "offline_q.train_q",
        lambda **g: offline_q.train_q(**g, progress=False),
        view=told,
        transitions=sets,
        seeds=a_list_of_seeds,
        settings=thing(QSettings(updates=1), PPOSettings()),
        n_actions=count(2, low=2, none=True),
        every=count(1, low=0),
        build_network=function(lambda: nn.Linear(4, 2), none=True),
        after=function(lambda n, m: None, none=True),
    ),
    entry(
        "offline_q.greedy",
        lambda network, observations: offline_q.greedy(network)(observations),
        network=function(nn.Linear(4, 2)),
        observations=array(state, nan="any", missing=False, extra=False, empty=False),
    ),
    entry(
        "plannable.PlannableSettings",
        made(PlannableSettings),
        updates=count(5, low=0),
        batch_size=count(4),
        learning_rate=positive(0.01),
        dimension=count(3),
        negatives=count(2, low=0),
        negatives_from=word("episode"),
        anchor=word("next"),
        hinge=coefficient(1.0),
        representation=word("contrastive"),
    ),
    entry(
        "plannable.train_plannable",
        lambda **g: plannable.train_plannable(**g, progress=False),
        view=told,
        transitions=sets,
        seeds=a_list_of_seeds,
        settings=thing(PlannableSettings(updates=1), QSettings()),
        n_actions=count(2, low=2, none=True),
        every=count(1, low=0),
        build_encoder=function(lambda: plannable.mlp_encoder(4), none=True),
        after=function(lambda n, m: None, none=True),
    ),
]


SMALL = draw.integers(1, 9, size=(2, 1, 6, 6)).astype(float)  # pictures of whole numbers
numbers = lambda: np.random.default_rng(4)  # noqa: E731
crop = lambda x, a, random: (views.random_crop(x, 1, random), a)  # noqa: E731
tiny = {"units": (2, 2, 2), "kernels": (2, 2), "strides": (1, 1), "pooling": "none"}
seen = lambda **more: array(SMALL, nan="any", missing=False, extra=False, whole=True, **more)  # noqa: E731
two_codes = tensor(draw.normal(size=(4, 3)), extra=False, missing=False, empty=False)
permutation = whole_array([2, 1, 0], high=2, empty=False, none=True, words=("permutation", "action"))
VIEWS = [
    entry(
        "views.random_crop",
        lambda pictures, pad: views.random_crop(pictures, pad, numbers()),
        pictures=seen(empty=False),
        pad=count(2, low=0),
    ),
    entry(
        "views.random_translate",
        lambda pictures, size: views.random_translate(pictures, size, numbers()),
        pictures=seen(empty=False),
        size=count(9, low=6),
    ),
    entry(
        "views.flip",
        lambda share, **g: views.flip(**g, random=numbers(), share=share),
        pictures=seen(),
        actions=whole_array([0, 2], high=2, words=("actions",)),
        permutation=permutation,
        share=share(0.5),
    ),
    entry(
        "views.info_nce",
        views.info_nce,
        queries=two_codes,
        keys=two_codes,
        W=tensor(draw.normal(size=(3, 3)), extra=False, missing=False, empty=False),
    ),
    entry(
        "views.CloneSettings",
        made(CloneSettings),
        updates=count(5, low=0),
        batch_size=count(4),
        learning_rate=positive(0.01),
        contrast_weight=coefficient(0.5),
        momentum=share(0.9),
    ),
    entry(
        "views.train_clones",
        lambda **g: views.train_clones(**g, progress=False),
        view=told,
        pictures=array(SMALL, missing=False, extra=False, whole=True),
        actions=whole_array([0, 2], words=("actions",)),
        seeds=a_list_of_seeds,
        settings=thing(CloneSettings(updates=1, batch_size=2), QSettings()),
        n_actions=count(3, low=3, none=True),
        every=count(1, low=0),
        build_network=function(lambda: policies.cnn_policy(3, (1, 6, 6), **tiny), none=True),
        after=function(lambda n, m: None, none=True),
        contrast=function(crop, none=True),
    ),
]
POINTS = draw.normal(size=(6, 3))
RANKED = [
    entry(
        "structured.ranking_metrics",
        ranking.ranking_metrics,
        predicted=array(POINTS),
        true=array(POINTS + 0.1),
        states=whole_array([[0], [1], [1], [2], [3], [4]], low=None, extra=True, none=True, missing=False),
        hits=given(
            (1, 2),
            ("a list", [1, 2], (1, 2)),
            ("an array", np.array([1, 2]), (1, 2)),
            ("0", [0]),
            ("fractions", [1.5]),
            ("a number", 3),
            ("None", None),
        ),
        ties=word("for"),
        tolerance=real(1e-6, low=0, none=True),
        fine={
            "states: fractions": "states may be any numbers",
            "states: texts": "or names",
            "states: infinity": "it is equal to itself",
        },
    ),
    entry("structured.Ranking", lambda: str(ranking.Ranking(np.ones(3, int), {1: 1.0}, 1.0, 3, 0.0))),
]

times, curves = [0.0, 10.0, 20.0], draw.normal(size=(4, 3))
sample = draw.normal(size=5)
run = SimpleNamespace(steps=np.array(times), returns=curves)
SEEDS = [
    entry(
        "seeds.SeedBatch",
        lambda build_network, seeds_: seeds.SeedBatch(build_network, seeds_).parameters,
        random=True,
        build_network=function(lambda: nn.Linear(4, 2)),
        seeds_=a_list_of_seeds,
    ),
    entry("seeds.SeedBatch.networks", lambda: told(batch.networks())),
    entry(
        "seeds.SeedBatch.frozen",
        lambda x: batch.frozen()(x),
        x=given(torch.tensor(draw.normal(size=(2, 5, 4))).float()),
    ),
    entry(
        "seeds.SeedBatch.clip_gradients",
        lambda largest: graded().clip_gradients(largest),
        largest=real(0.5, low=0, open_low=True),
    ),
    entry(
        "seeds.area_under_curve",
        seeds.area_under_curve,
        steps=array(times, whole=True),
        returns=array(curves, nan="shown", missing=False, extra=False, empty=False, other_length=1),
    ),
    entry(
        "seeds.steps_to",
        seeds.steps_to,
        steps=array(times, whole=True),
        returns=array(curves, nan="any", missing=False, extra=False, empty=False, other_length=1),
        threshold=real(0.0),
    ),
    entry(
        "seeds.interquartile_mean",
        seeds.interquartile_mean,
        values=array(curves, nan="any", missing=False, extra=False),
        axis=given(-1, ("np.int64", np.int64(-1), -1), ("2", 2), ("a fraction", 0.5), ("a text", "one")),
    ),
    entry(
        "seeds.bootstrap",
        lambda sample, confidence, resamples, seed: seeds.bootstrap(
            np.mean, sample, confidence=confidence, resamples=resamples, seed=seed
        ),
        sample=array(sample, nan="any", extra=False),
        confidence=real(0.9, 0, 1),
        resamples=count(30),
        seed=seed(0),
    ),
    entry("seeds.compare", seeds.compare, first=thing(run), second=thing(run), threshold=real(0.0)),
    entry("seeds.Comparison", lambda: str(seeds.compare(run, run, 0.0))),
    entry("seeds.Estimate", lambda: str(seeds.Estimate(1.0, 0.5, 2.0))),
    entry("seeds.count_parameters", seeds.count_parameters, network=module(nn.Linear(4, 2))),
]


def graded():
    some = seeds.SeedBatch(lambda: nn.Linear(4, 2), [0, 1])
    some(torch.ones(2, 3, 4)).sum().backward()
    return some


SMALL = DDPGSettings(updates=1, batch_size=2, hidden=(4,), tests=2)
DDPG = [
    entry(
        "ddpg.DDPGSettings",
        made(DDPGSettings),
        updates=count(5, low=0),
        batch_size=count(4),
        hidden=sizes(4, 3),
        learning_rate=positive(0.01),
        discount=real(0.9, 0, 1),
        target_rate=share(0.5),
        action_penalty=coefficient(0.1),
        noise=coefficient(0.2),
        random_share=share(0.3),
        tests=count(3),
    ),
    entry(
        "ddpg.train_ddpg",
        lambda **g: ddpg.train_ddpg(**g, progress=False),
        view=lambda found: [found.success.shape, found.replays[0].actions],
        environment=function(lambda n: Bowls(n, observation="goals", max_steps=3)),
        seeds=a_list_of_seeds,
        episodes=count(2),
        settings=thing(SMALL, QSettings(), PPOSettings()),
        sample=function(None, none=True),
        build_network=function(None, none=True),
        longest=real(1.0, low=0, open_low=True, none=True),
        until=real(0.9, 0, 1, none=True),
    ),
    entry(
        "ddpg.train_ddpg",
        lambda **g: (
            ddpg.train_ddpg(
                lambda n: Bowls(n, observation="goals", max_steps=3), [0], 1, SMALL, progress=False, **g
            ).success.shape
        ),
        frames=function(frames),
        kinds=given(KINDS, ("None", None), ("a number", 3), ("nothing", {}), ("a list", ["point"])),
    ),
    entry("ddpg.DDPGRun", lambda: ddpg.DDPGRun(np.ones((1, 1)), [], []).success),
    entry(
        "ddpg.DDPGRun.episodes_to",
        ddpg.DDPGRun(np.array([[0.25, 0.5, 1.0]]), [], []).episodes_to,
        level=real(0.5),
    ),
]


TABLE = [*TRAINERS, *VIEWS, *RANKED, *SEEDS, *DDPG]

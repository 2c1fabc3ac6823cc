"""Layers, policies, trainers, their settings, and what is said of their curves."""

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from symrl_lite import group_convolutions, layers, offline_q, plannable, policies, ppo, ranking, seeds, structured
from symrl_lite.envs.cartpole import CartPoles, reflection
from symrl_lite.envs.predator import PredatorPrey
from symrl_lite.episodes import Episodes
from symrl_lite.groups import cyclic, dihedral, regular, rotation_2d
from symrl_lite.offline_q import QSettings
from symrl_lite.plannable import PlannableSettings
from symrl_lite.ppo import PPOSettings
from symrl_lite.structured import StructuredSettings
from symrl_lite.transitions import collect
from tests.door.judge import entry
from tests.door.kinds import array, count, function, given, real, seed, tensor, thing, whole_array, word
from tests.door.mathematics import group, rho

C2, C4, D4 = cyclic(2), cyclic(4), dihedral(4)
REGULAR = regular(C4)
draw = np.random.default_rng(2)
like = lambda layer, x: layer.to(x.dtype) if isinstance(x, torch.Tensor) and x.is_floating_point() else layer  # noqa: E731


def made(cls, **arguments):
    return lambda **given: cls(**arguments | given)


def called(cls, *arguments, **more):
    """The layer, made under one seed, of an input."""

    def call(x):
        torch.manual_seed(1)
        return cls(*arguments, **more)(x)

    return call


channels = lambda: {"channels_in": count(2), "channels_out": count(3)}  # noqa: E731
images = torch.tensor(draw.normal(size=(2, 2, 5, 5)))
poses = torch.tensor(draw.normal(size=(2, 2, 4, 5, 5)))
features = torch.tensor(draw.normal(size=(2, 2, 4)))
linear = layers.EquivariantLinear(REGULAR, REGULAR, 2, 3)
stack = lambda: layers.EquivariantSequential(layers.EquivariantLinear(REGULAR, REGULAR, 2, 2), nn.ReLU())  # noqa: E731
one_more = lambda: layers.EquivariantLinear(REGULAR, REGULAR, 2, 2)  # noqa: E731
stack_of = lambda: stack()  # noqa: E731
module = lambda value: thing(value, words=("layer", "expected a torch module"))  # noqa: E731
LAYERS = [
    entry(
        "layers.EquivariantLinear",
        layers.EquivariantLinear,
        random=True,
        rho_in=rho(REGULAR),
        rho_out=rho(REGULAR),
        **channels(),
        space=word("random"),
        init=word("relu"),
        seed=seed(0, none=True),
    ),
    entry(
        "layers.EquivariantLinear.forward",
        called(layers.EquivariantLinear, REGULAR, REGULAR, 2, 3),
        x=tensor(features, extra=False, missing=False, empty=False),
    ),
    entry("layers.EquivariantLinear.weight", linear.weight),
    entry("layers.EquivariantLinear.bias_vector", linear.bias_vector),
    entry("layers.EquivariantLinear.reset_parameters", linear.reset_parameters),
    entry("layers.EquivariantLinear.train", lambda mode: linear.train(mode).training, mode=given(True)),
    entry("layers.EquivariantLinear.extra_repr", linear.extra_repr),
    entry(
        "layers.EquivariantSequential",
        lambda layer: layers.EquivariantSequential(one_more(), layer),
        random=True,
        layer=module(nn.ReLU()),
    ),
    entry(
        "layers.EquivariantSequential.forward",
        called(stack_of),
        x=tensor(features, extra=False, missing=False, empty=False),
    ),
    entry(
        "layers.EquivariantSequential.add_module",
        lambda module: stack().add_module("2", module),
        module=module(one_more()),
    ),
    entry(
        "layers.EquivariantSequential.insert",
        lambda index, module: stack().insert(index, module),
        random=True,
        view=repr,
        index=given(1, ("np.int64", np.int64(1), 1), ("a fraction", 0.5), ("a text", "1"), ("too far", 9)),
        module=module(one_more()),
    ),
    entry(
        "layers.EquivariantSequential.extend",
        lambda sequential: stack().extend(sequential),
        random=True,
        view=repr,
        sequential=given([one_more()], ("a number", 3), ("None", None), ("numbers", [3]), words=("layer",)),
    ),
    entry(
        "layers.NormNonlinearity",
        layers.NormNonlinearity,
        rho=rho(rotation_2d(C4)),
        channels=count(2),
        function=function(torch.relu),
    ),
    entry(
        "layers.NormNonlinearity.forward",
        layers.NormNonlinearity(rotation_2d(C4), 2),
        x=tensor(draw.normal(size=(3, 2, 2)), extra=False, missing=False, empty=False),
    ),
    entry(
        "layers.BasisConv2d",
        layers.BasisConv2d,
        random=True,
        group=group(C4),
        **channels(),
        kernel_size=count(2),
        stride=count(1),
        lifting=given(True),
        space=word("random"),
        seed=seed(0, none=True),
    ),
    entry(
        "layers.BasisConv2d.forward",
        called(layers.BasisConv2d, C4, 2, 3, 2),
        x=tensor(poses, extra=True, missing=False, empty=False),
    ),
    entry(
        "layers.LiftingConv2d",
        layers.LiftingConv2d,
        random=True,
        group=group(C4),
        **channels(),
        kernel_size=count(3),
        stride=count(1),
        padding=count(1, low=0),
    ),
    entry("layers.LiftingConv2d.forward", called(layers.LiftingConv2d, C4, 2, 3, 3), x=tensor(images, empty=False)),
    entry("layers.LiftingConv2d.extra_repr", layers.LiftingConv2d(C4, 2, 3, 3).extra_repr),
    entry(
        "layers.GroupConv2d",
        layers.GroupConv2d,
        random=True,
        group=group(C4),
        **channels(),
        kernel_size=count(3),
        stride=count(1),
        padding=count(1, low=0),
    ),
    entry("layers.GroupConv2d.forward", called(layers.GroupConv2d, C4, 2, 3, 3), x=tensor(poses, empty=False)),
    entry("layers.GroupConv2d.extra_repr", layers.GroupConv2d(C4, 2, 3, 3).extra_repr),
    entry("layers.GroupPool", layers.GroupPool, reduce=word("max")),
    entry("layers.GroupPool.forward", layers.GroupPool("mean"), x=tensor(poses, empty=False)),
    entry("layers.moved_places", layers.moved_places, group=group(C4), size=count(2)),
    entry("group_convolutions.pose_filters", group_convolutions.pose_filters, group=group(C4), size=count(3)),
    entry(
        "group_convolutions.require_fit",
        group_convolutions.require_fit,
        shape=given((1, 5, 5)),
        kernel_size=count(3),
        stride=count(1),
        padding=count(0, low=0),
    ),
]

state = draw.normal(size=(5, 4))
network = policies.mlp_policy(4, 2, (8,))
body = policies.ActorCritic(nn.Identity(), nn.Linear(4, 2), nn.Linear(4, 1), (4,))
sizes = (  # noqa: E731
    lambda *value: given(
        list(value),
        ("a tuple", value, list(value)),
        ("an array", np.array(value), list(value)),
        ("a fraction", [*value[:-1], 1.5]),
        ("0", [*value[:-1], 0]),
        ("below 0", [*value[:-1], -1]),
        ("a text", "three"),
        ("a number", 3),
        ("None", None),
        ("True", [*value[:-1], True]),
    )
)
chase = PredatorPrey().rotations()
rest = {"actor_gain": real(0.01, low=0)}
POLICIES = [
    entry(
        "policies.ActorCritic",
        policies.ActorCritic,
        body=module(nn.Identity()),
        actor=module(nn.Linear(4, 2)),
        critic=module(nn.Linear(4, 1)),
        state_shape=sizes(4),
        fine={"state_shape: None": "a state may have any shape"},
    ),
    entry("policies.ActorCritic.forward", body, x=tensor(state, empty=False, narrow=1e-5)),
    entry(
        "policies.ActorCritic.probabilities",
        body.probabilities,
        x=array(state, nan="shown", missing=False, extra=True, empty=False, half=1e-5),
        fine={"x: a number": ""},
    ),
    entry(
        "policies.OnTable",
        policies.OnTable,
        network=module(body),
        images=array(state, nan="any", missing=False, extra=False, empty=True),
    ),
    entry(
        "policies.OnTable.forward",
        policies.OnTable(body, torch.tensor(state, dtype=torch.float32)),
        errors=(IndexError,),
        states=given(
            torch.tensor([0, 4]),
            ("int32", torch.tensor([0, 4], dtype=torch.int32), torch.tensor([0, 4])),
            ("below", torch.tensor([-1, 0])),
            ("above", torch.tensor([0, 5])),
            ("fractions", torch.tensor([0.5, 1])),
            ("uint8", torch.tensor([0, 4], dtype=torch.uint8)),
            ("booleans", torch.tensor([True, False])),
            ("an array", np.array([0, 4]), torch.tensor([0, 4])),
            ("a list", [0, 4], torch.tensor([0, 4])),
            ("a text", "three"),
            words=("states",),
        ),
    ),
    entry(
        "policies.mlp_policy",
        policies.mlp_policy,
        random=True,
        inputs=count(4),
        actions=count(2),
        units=sizes(8, 4),
        **rest,
    ),
    entry(
        "policies.cnn_policy",
        policies.cnn_policy,
        random=True,
        actions=count(2),
        shape=sizes(1, 9, 9),
        units=sizes(2, 3, 4),
        kernels=sizes(3, 3),
        strides=sizes(1, 1),
        pooling=word("max"),
        scale=real(0.5),
        **rest,
    ),
    entry(
        "policies.equivariant_mlp",
        policies.equivariant_mlp,
        random=True,
        symmetry=thing(reflection()),
        channels=sizes(2, 2),
        space=word("equivariant"),
        bias_std=real(0.0, low=0),
        **rest,
    ),
    entry(
        "policies.equivariant_cnn",
        policies.equivariant_cnn,
        random=True,
        symmetry=thing(chase),
        shape=sizes(1, 3, 3),
        units=sizes(2, 2, 2),
        kernels=sizes(2, 2),
        strides=sizes(1, 1),
        pooling=word("max"),
        space=word("equivariant"),
        bias_std=real(0.0, low=0),
        scale=real(0.5),
        **rest,
    ),
]

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

MODEL = plannable.PlannableModel(plannable.mlp_encoder(4, 3), 3, 2)
z = tensor(draw.normal(size=(5, 3)), extra=False, missing=False, empty=False)
LINEAR = plannable.LinearModel(STEPS)
observations = lambda **more: array(state, nan="shown", missing=False, extra=False, empty=False, half=1e-4, **more)  # noqa: E731
POINTS = draw.normal(size=(6, 3))
planner = plannable.LatentPlanner(MODEL, draw.normal(size=(20, 4)), temperature=1e-3)
two = tensor(draw.normal(size=(2, 3)), extra=False, missing=False, empty=False)
NEGATIVES = torch.tensor(draw.normal(size=(5, 2, 3)), dtype=torch.float32)
PLANNABLE = [
    entry(
        "plannable.PlannableModel",
        plannable.PlannableModel,
        random=True,
        encoder=module(plannable.mlp_encoder(4, 3)),
        dimension=count(3),
        n_actions=count(2),
        hidden=count(4),
        reward_hidden=count(4),
    ),
    entry("plannable.PlannableModel.encode", MODEL.encode, observations=observations()),
    entry(
        "plannable.PlannableModel.step",
        MODEL.step,
        z=z,
        actions=given(
            torch.tensor([0, 1, 1, 0, 1]),
            ("an array", np.array([0, 1, 1, 0, 1]), torch.tensor([0, 1, 1, 0, 1])),
            ("int32", torch.tensor([0, 1, 1, 0, 1], dtype=torch.int32), torch.tensor([0, 1, 1, 0, 1])),
            ("below", torch.tensor([0, -1, 1, 0, 1])),
            ("above", torch.tensor([0, 2, 1, 0, 1])),
            ("fractions", torch.tensor([0.5, 1, 1, 0, 1])),
            ("a text", "three"),
        ),
    ),
    entry("plannable.PlannableModel.steps", MODEL.steps, z=z),
    entry("plannable.PlannableModel.rewards", MODEL.rewards, z=z),
    entry(
        "plannable.PlannableModel.forward",
        lambda: MODEL(
            (torch.zeros(2, 4), torch.tensor([0]), torch.tensor([1]), torch.tensor([1]), torch.tensor([[0]]))
        ),
    ),
    entry(
        "plannable.Encoded",
        lambda model, observations: plannable.Encoded(model, observations).latents,
        model=thing(MODEL),
        observations=observations(),
    ),
    entry(
        "plannable.Encoded.encode",
        plannable.Encoded(MODEL, state).encode,
        numbers=whole_array([0, 4], high=4, missing=False, extra=False, empty=False),
    ),
    entry(
        "plannable.LinearModel",
        lambda transitions, scale: plannable.LinearModel(transitions, scale).maps,
        transitions=thing(STEPS),
        scale=real(2.0, low=0, open_low=True),
        fine={"scale: a list": "one for each entry may be given"},
    ),
    entry(
        "plannable.LinearModel.encode",
        LINEAR.encode,
        observations=array(state, nan="shown", missing=False, extra=False, empty=False, other_length=1),
    ),
    entry("plannable.LinearModel.steps", LINEAR.steps, z=tensor(state, extra=False, missing=True, empty=False)),
    entry(
        "plannable.LinearModel.rewards",
        LINEAR.rewards,
        z=tensor(state, extra=False, missing=False, empty=False, nan="any"),
    ),
    entry(
        "plannable.LatentPlanner",
        lambda **g: plannable.LatentPlanner(MODEL, **g).values,
        prototypes=array(draw.normal(size=(20, 4)), half=1e-3, words=("observations",)),
        temperature=real(0.01, low=0, open_low=True, none=True),
        discount=real(0.9, low=0, high=0.95),
        tolerance=real(1e-6, low=0, open_low=True),
        interpolation=real(0.1, low=0),
        prune_within=real(1e-8, low=0),
        seed=seed(0),
        ends=function(None, none=True),
    ),
    *(
        entry(
            f"plannable.LatentPlanner.{name}",
            getattr(planner, name),
            observations=array(state, nan="refused", missing=False, extra=False, empty=False, half=1e-4),
        )
        for name in ("encode", "nearest", "action_values", "actions")
    ),
    entry(
        "plannable.LatentPlanner.act",
        planner.act,
        observation=array(state[0], extra=False, empty=False, words=("observations",)),
    ),
    entry("plannable.LatentPlanner.reaches", planner.reaches),
    entry(
        "plannable.cnn_encoder",
        plannable.cnn_encoder,
        random=True,
        shape=sizes(1, 6, 6),
        dimension=count(2),
        channels=count(2),
        hidden=sizes(4, 3),
    ),
    entry(
        "plannable.mlp_encoder",
        plannable.mlp_encoder,
        random=True,
        inputs=count(3),
        dimension=count(2),
        hidden=sizes(4, 3),
    ),
    entry(
        "plannable.contrastive_loss",
        plannable.contrastive_loss,
        anchors=z,
        negatives=given(
            NEGATIVES, ("an axis less", NEGATIVES[:, 0]), ("another length", NEGATIVES[:3]), ("None", None)
        ),
        hinge=real(1.0, low=0),
    ),
    entry("plannable.transition_loss", plannable.transition_loss, predicted=z, after=z),
    entry("plannable.reward_loss", plannable.reward_loss, predicted=two, rewards=two),
    entry("plannable.latent_rank", plannable.latent_rank, latents=array(POINTS), share=real(0.01, 0, 1)),
    entry(
        "plannable.latent_transitions",
        plannable.latent_transitions,
        latents=array(POINTS, half=1e-4),
        steps=array(draw.normal(size=(6, 2, 3)), half=1e-4),
        temperature=real(0.1, low=0, open_low=True),
    ),
    entry("plannable.prune", plannable.prune, latents=array(POINTS), tolerance=real(1e-8, low=0)),
]

PICTURES = draw.integers(0, 256, (2, 3, 3, 20, 20)).astype(np.uint8)
DATA = Episodes(PICTURES, [[0, 7], [3, 1]], np.zeros((2, 3, 0)))
SMALL = {"slots": 2, "hidden": 4, "channels": 2}
SLOTS = structured.StructuredModel((3, 20, 20), 8, **SMALL).eval()
codes = tensor(draw.normal(size=(2, 2, 2)), extra=False, missing=False, empty=False)
pictures = given(
    PICTURES[0],
    ("0 to 1", PICTURES[0] / 255.0, PICTURES[0]),
    ("float32 from 0 to 1", (PICTURES[0] / 255).astype(np.float32), PICTURES[0]),
    ("int64", PICTURES[0].astype(int), PICTURES[0]),
    ("0 to 255 as floats", PICTURES[0].astype(float)),
    ("a tensor", torch.tensor(PICTURES[0]), PICTURES[0]),
    ("a list", PICTURES[0].tolist(), PICTURES[0]),
    ("below 0", -PICTURES[0].astype(int)),
    ("a transpose", np.ascontiguousarray(PICTURES[0].T).T, PICTURES[0]),
    ("texts", PICTURES[0].astype(str)),
    ("an axis less", PICTURES[0, 0]),
    ("an axis more", PICTURES[:1]),
    ("channels last", np.moveaxis(PICTURES[0], 1, -1)),
    ("objects", PICTURES[0].astype(object)),
    ("None", None),
    ("NaN", np.full((3, 3, 20, 20), np.nan)),
    ("big-endian", PICTURES[0].astype(">i4"), PICTURES[0]),
    ("booleans", PICTURES[0] > 9),
    words=("pictures",),
)
of_a_slot = given(
    torch.tensor([0, 7]),
    ("an array", np.array([0, 7]), torch.tensor([0, 7])),
    ("int32", torch.tensor([0, 7], dtype=torch.int32), torch.tensor([0, 7])),
    ("below", torch.tensor([-1, 7])),
    ("above", torch.tensor([0, 8])),
    ("fractions", torch.tensor([0.5, 7])),
    ("None", None),
)
positive_codes = tensor(draw.random(5), extra=False, missing=False, empty=True)
STRUCTURED = [
    entry(
        "structured.StructuredSettings",
        made(StructuredSettings),
        updates=count(5, low=0),
        batch_size=count(4, low=2),
        learning_rate=positive(0.01),
        warm_up=count(3, low=0),
        slots=count(2),
        dimension=count(2),
        hidden=count(8),
        channels=count(4),
        tile=count(10),
        depth=count(1, low=0),
        maps_per_slot=count(1),
        actions=word("slot"),
        loss=word("contrastive"),
        anchor=word("state"),
        negatives_from=word("data"),
        hinge=coefficient(1.0),
        sigma=positive(0.5),
    ),
    entry(
        "structured.StructuredSettings.build",
        StructuredSettings(**SMALL).build,
        random=True,
        shape=sizes(3, 20, 20),
        n_actions=count(8),
    ),
    entry("structured.StructuredSettings.rate", StructuredSettings(updates=50).rate, update=count(3, low=0)),
    entry(
        "structured.StructuredModel",
        made(structured.StructuredModel, shape=(3, 20, 20)),
        random=True,
        n_actions=count(8),
        slots=count(2),
        dimension=count(2),
        hidden=count(4),
        channels=count(2),
        tile=count(10),
        depth=count(1, low=0),
        maps_per_slot=count(1),
        actions=word("slot"),
    ),
    entry("structured.StructuredModel.maps", SLOTS.maps, images=pictures),
    entry("structured.StructuredModel.encode", SLOTS.encode, images=pictures),
    entry(
        "structured.StructuredModel.from_maps",
        SLOTS.from_maps,
        maps=tensor(draw.random((2, 2, 4)), extra=True, empty=False),
    ),
    entry("structured.StructuredModel.action_vectors", SLOTS.action_vectors, actions=of_a_slot),
    entry("structured.StructuredModel.step", SLOTS.step, z=codes, actions=of_a_slot),
    entry(
        "structured.StructuredModel.rollout",
        SLOTS.rollout,
        images=given(PICTURES[0]),
        actions=whole_array([[0, 7], [3, 1], [2, 2]], high=7),
    ),
    entry(
        "structured.contrastive_energy_loss",
        structured.contrastive_energy_loss,
        positive=positive_codes,
        negative=positive_codes,
        hinge=real(1.0, low=0),
    ),
    entry("structured.energy", structured.energy, predicted=codes, after=codes, sigma=real(0.5, low=0, open_low=True)),
    entry(
        "structured.pixel_loss",
        structured.pixel_loss,
        logits=two,
        pixels=tensor(draw.random((2, 3)), extra=False, missing=False, empty=False),
    ),
    entry(
        "structured.rank_rollouts",
        structured.rank_rollouts,
        model=thing(SLOTS),
        episodes=thing(DATA),
        steps=given(
            [1, 2],
            ("an array", np.array([1, 2]), [1, 2]),
            ("below 0", [-1]),
            ("beyond the end", [3]),
            ("fractions", [1.5]),
            ("a number", 3),
            ("None", None),
        ),
        ties=word("against"),
        hits=given([1, 2], ("0", [0]), ("fractions", [1.5]), ("a number", 3)),
    ),
    entry(
        "structured.train_structured",
        lambda **g: structured.train_structured(**g, progress=False),
        view=told,
        data=thing(DATA),
        seeds=a_list_of_seeds,
        settings=thing(StructuredSettings(updates=1, batch_size=2, **SMALL), QSettings()),
        n_actions=count(8, low=8, none=True),
        save_every=count(1),
        every=count(1, low=0),
    ),
]

RANKED = [
    entry(
        "ranking.ranking_metrics",
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
    entry("ranking.Ranking", lambda: str(ranking.Ranking(np.ones(3, int), {1: 1.0}, 1.0, 3, 0.0))),
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


TABLE = [*LAYERS, *POLICIES, *TRAINERS, *PLANNABLE, *STRUCTURED, *RANKED, *SEEDS]

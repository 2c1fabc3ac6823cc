"""Plannable and structured models, and the planner."""

import numpy as np
import torch

from symrl_lite import plannable, structured
from symrl_lite.data import Episodes
from symrl_lite.offline_q import QSettings
from symrl_lite.structured import StructuredSettings
from tests.door.judge import entry
from tests.door.kinds import array, count, function, given, real, seed, tensor, thing, whole_array, word
from tests.door.networks import sizes, state
from tests.door.shared import (
    made,
    module,
)
from tests.door.trainers import STEPS, a_list_of_seeds, coefficient, positive, told

draw = np.random.default_rng(3)
torch.manual_seed(0)  # networks below are made once, and must be the same in every run
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
        temperature=real(0.001, low=0, open_low=True, none=True),
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
            view=np.shape if name == "actions" else None,  # chance decides among equal values
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


TABLE = [*PLANNABLE, *STRUCTURED]

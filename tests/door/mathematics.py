"""Groups, representations, equivariance, actions, symmetrizer."""

import numpy as np

from symrl_lite import actions, equivariance, groups, symmetrizer
from symrl_lite.actions import GridState
from symrl_lite.groups import FiniteGroup, Representation, cyclic, dihedral, regular, rotation_2d
from tests.door.judge import Trial, entry
from tests.door.kinds import array, count, function, given, real, seed, tensor, thing, whole_array, word

C2, C3, C4, D4 = cyclic(2), cyclic(3), cyclic(4), dihedral(4)
RHO = regular(C3)
draw = np.random.default_rng(0)
X = draw.normal(size=(5, 3))
W = draw.normal(size=(3, 3))
SIGN = np.array([[[1.0]], [[-1.0]]])


def element(value="r", G=C3):
    """An element of a group, by name or by index."""
    return given(
        value,
        Trial("its index", G.element(value), value, True),
        Trial("np.int64", np.int64(G.element(value)), value, True),
        Trial("np.uint8", np.uint8(G.element(value)), value, True),
        Trial("np.str_", np.str_(value), value, True),
        Trial("a whole float", float(G.element(value)), value),
        ("another name", "x"),
        ("True", True),
        ("None", None),
        ("a fraction", 0.5),
        ("a list", [value]),
        ("an array", np.array([1, 2])),
        ("an axis less", np.array(1), 1),
        Trial("one below", -1),
        Trial("one above", G.order),
        words=("element", "g"),
    )


def elements(value=("r",)):
    return given(
        list(value),
        ("a tuple", tuple(value), list(value)),
        ("a name", "r"),
        ("a number", 1),
        ("None", None),
        ("other names", ["x"]),
        ("booleans", [True]),
        ("fractions", [0.5]),
        words=("generators", "element", "gens"),
    )


def names(value, none=True):
    return given(
        value,
        ("a tuple", tuple(value), value),
        ("an array", np.array(value), value),
        ("a text", "".join(value)),
        ("numbers", list(range(len(value)))),
        ("one less", value[:-1]),
        ("one twice", [value[0]] * len(value)),
        ("a number", 3),
    )


def label(value="a name"):
    return given(value, ("a number", 3), ("a list", ["a"]), ("bytes", b"name"))


group = lambda G: thing(G, regular(G), words=("group", "G", "FiniteGroup"))  # noqa: E731
rho = lambda r: thing(r, r.group, r.matrices, words=("Representation",))  # noqa: E731
IndexOfElement = (IndexError,)
POINTS = [(0,), (1,), (2,)]
turn_point = lambda g, x: ((x[0] + g) % 3,)  # noqa: E731

GROUPS = [
    entry("groups.cyclic", groups.cyclic, n=count(3, high=1000)),
    entry("groups.dihedral", groups.dihedral, n=count(4, high=500)),
    entry("groups.symmetric", groups.symmetric, n=count(3, high=6)),
    entry("groups.direct_product", groups.direct_product, G=group(C2), H=group(C3)),
    entry(
        "groups.check_axioms",
        groups.check_axioms,
        table=whole_array(C3.table, low=None),
        names=names(["a", "b", "c"]),
        fine={"table: booleans": ""},
    ),
    entry("groups.AxiomReport", lambda: groups.AxiomReport(True, True, True, False)),
    entry(
        "groups.FiniteGroup",
        groups.FiniteGroup,
        table=whole_array(C3.table, high=2),
        names=names(["e", "a", "b"]),
        name=label(),
    ),
    entry("groups.FiniteGroup.element", C3.element, errors=IndexOfElement, element=element()),
    entry("groups.FiniteGroup.multiply", D4.multiply, errors=IndexOfElement, a=element("s", D4), b=element("r", D4)),
    entry("groups.FiniteGroup.inverse", C3.inverse, errors=IndexOfElement, a=element()),
    entry("groups.FiniteGroup.generate", C3.generate, errors=IndexOfElement, gens=elements()),
    entry("groups.FiniteGroup.subgroup", C4.subgroup, errors=IndexOfElement, gens=elements(["r2"]), name=label()),
    entry("groups.FiniteGroup.conjugacy_classes", D4.conjugacy_classes),
    entry(
        "groups.FiniteGroup.from_permutations",
        FiniteGroup.from_permutations,
        generators=whole_array([[1, 2, 0], [1, 0, 2]], high=2),
        name=label(),
    ),
    entry(
        "groups.orbits",
        groups.orbits,
        view=lambda found: [[list(p) for p in o] for o in found],
        G=group(C3),
        action=function(turn_point),
        points=given(
            POINTS,
            ("lists", [[0], [1], [2]]),
            ("a number", 3),
            ("None", None),
            (
                "one lost",
                POINTS[:2],
            ),
        ),
    ),
    entry(
        "groups.stabilizer",
        groups.stabilizer,
        G=group(C3),
        action=function(turn_point),
        point=given((0,), ("an array", np.array([0]), (0,)), ("a list", [0], (0,))),
    ),
    entry("groups.BlockForm", lambda: groups.BlockForm(np.eye(2), ((1, 1), (1, 1))).starts),
    entry("groups.block_form", groups.block_form, view=lambda form: form.basis.tolist(), rho=rho(RHO)),
    entry("groups.Representation", Representation, group=group(C2), matrices=array(SIGN, whole=True), name=label()),
    entry(
        "groups.Representation.from_generators",
        lambda group, matrix, name: Representation.from_generators(group, {"r": matrix}, name),
        group=group(C4),
        matrix=array([[0.0, -1.0], [1.0, 0.0]], whole=True),
        name=label(),
    ),
    entry(
        "groups.Representation.from_generators",
        Representation.from_generators,
        errors=IndexOfElement,
        group=group(C2),
        generators=given(
            {"r": [[-1.0]]},
            ("None", None),
            ("a list", [[-1.0]]),
            ("a number", 3),
            ("other names", {"x": [[-1.0]]}),
            ("nothing", {}),
            ("an index", {1: [[-1.0]]}, {"r": [[-1.0]]}),
            ("True", {True: [[-1.0]]}),
            words=("element",),
        ),
    ),
    entry("groups.permutation", groups.permutation, G=group(C2), images=whole_array([[0, 1, 2], [1, 0, 2]], high=2)),
    entry("groups.regular", groups.regular, G=group(C3)),
    entry("groups.rotation_2d", groups.rotation_2d, G=group(C3)),
    entry("groups.trivial", groups.trivial, G=group(C3), dimension=count(2)),
]

square = lambda x: x**2  # noqa: E731
EQUIVARIANCE = [
    entry(
        "equivariance.apply_action",
        equivariance.apply_action,
        errors=IndexOfElement,
        action=thing(RHO),
        g=element(),
        x=array(X, nan="any", extra=False, missing=False, empty=False, complex_too=True, other_length=1),
    ),
    entry(
        "equivariance.apply_action",
        equivariance.apply_action,
        action=given(RHO),
        g=given("r"),
        x=tensor(X, nan="any", extra=False, missing=False, empty=False, whole_too=True),
        fine={"x: complex numbers": "numbers of any kind are moved"},
    ),
    entry(
        "equivariance.equivariance_error",
        equivariance.equivariance_error,
        f=function(lambda x: x * x[..., :1], words=("f",)),
        x=array(X, nan="shown", missing=False, extra=False, complex_too=True, other_length=1),
        act_in=thing(RHO, words=("action",)),
        act_out=thing(RHO, words=("action",)),
        fine={"x: booleans": ""},
    ),
    entry(
        "equivariance.assert_equivariant",
        equivariance.assert_equivariant,
        errors=(AssertionError,),
        f=function(square),
        x=array(X, missing=False, extra=False, complex_too=True, other_length=1),
        act_in=thing(RHO, words=("action",)),
        act_out=thing(RHO, words=("action",)),
        atol=real(0.1, low=0, none=True),
        group=thing(C3, none=True),
    ),
    entry(
        "equivariance.fit_output_action",
        equivariance.fit_output_action,
        f=function(lambda x: 2 * x),
        act_in=thing(RHO, words=("action",)),
        x=array(X, missing=False, extra=False, other_length=1),
        group=thing(C3, none=True),
    ),
    entry("equivariance.OutputActionFit", lambda: equivariance.OutputActionFit(np.eye(2)[None], np.zeros(1))),
]

image = np.arange(24.0).reshape(2, 3, 4) / 24
ACTIONS = [
    entry("actions.square_elements", actions.square_elements, group=group(D4)),
    entry(
        "actions.on_images",
        lambda group, g, image: actions.on_images(group)(g, image),
        errors=IndexOfElement,
        group=group(C4),
        g=element("r3", C4),
        image=array(image, nan="any", extra=False, missing=False, empty=False, complex_too=True, words=("image",)),
        fine=dict.fromkeys(["image: texts", "image: bytes", "image: dates"], "what is moved may be anything"),
    ),
    entry(
        "actions.on_cells",
        lambda group, size, g, cell: actions.on_cells(group, size)(g, cell),
        errors=IndexOfElement,
        group=group(C4),
        size=count(5),
        g=element("r", C4),
        cell=whole_array([0, 1], high=4),
    ),
    entry(
        "actions.on_grid_states",
        lambda group, size, g, state: actions.on_grid_states(group, size)(g, state),
        errors=IndexOfElement,
        group=group(C4),
        size=count(5),
        g=element("r", C4),
        state=thing(GridState(5, (0, 1), (2, 2), ((3, 3),))),
    ),
    entry("actions.on_moves", actions.on_moves, group=group(D4)),
]

theta = draw.normal(size=(2, 3))
orbits = symmetrizer.weight_orbits(RHO, RHO)
SYMMETRIZER = [
    entry(
        "symmetrizer.symmetrize",
        symmetrizer.symmetrize,
        weights=array(W, extra=False, complex_too=True, nan="shown", empty=True, other_length=1),
        rho_in=rho(RHO),
        rho_out=rho(RHO),
    ),
    entry(
        "symmetrizer.symmetrize",
        symmetrizer.symmetrize,
        weights=tensor(W, extra=False, whole_too=True, empty=True),
        rho_in=given(RHO),
        rho_out=given(RHO),
        fine={"weights: complex numbers": "symmetrized as they are"},
    ),
    entry("symmetrizer.equivariant_dimension", symmetrizer.equivariant_dimension, rho_in=rho(RHO), rho_out=rho(RHO)),
    entry(
        "symmetrizer.equivariant_basis",
        symmetrizer.equivariant_basis,
        rho_in=rho(RHO),
        rho_out=rho(RHO),
        space=word("random"),
        method=word("auto"),
        seed=seed(0, none=True),
        tolerance=real(1e-8, low=0, open_low=True),
    ),
    entry(
        "symmetrizer.equivariant_basis",
        symmetrizer.equivariant_basis,
        rho_in=rho(rotation_2d(C4)),
        rho_out=rho(rotation_2d(C4)),
        space=word("equivariant"),
        method=word("svd"),
        seed=seed(3, none=True),
    ),
    entry("symmetrizer.weight_orbits", symmetrizer.weight_orbits, rho_in=rho(RHO), rho_out=rho(RHO)),
    entry("symmetrizer.WeightOrbits", lambda: symmetrizer.WeightOrbits(orbits.index, orbits.sign, orbits.rank)),
    entry("symmetrizer.WeightOrbits.basis", orbits.basis),
    entry(
        "symmetrizer.WeightOrbits.weight",
        orbits.weight,
        theta=tensor(theta, extra=False, missing=False, empty=False, whole_too=True),
        fine={"theta: complex numbers": "shared as they are"},
    ),
    entry(
        "symmetrizer.WeightOrbits.weight",
        orbits.weight,
        theta=array(theta, extra=False, missing=False, empty=False, complex_too=True, nan="shown", other_length=1),
    ),
]

TABLE = [*GROUPS, *EQUIVARIANCE, *ACTIONS, *SYMMETRIZER]

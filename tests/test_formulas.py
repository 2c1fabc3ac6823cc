"""Formulas of docstrings as pieces for a page: what is set, and what stays as it is."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "book" / "_extensions"))
formulas = importlib.import_module("symrl_formulas")
sys.path.pop(0)


def written(parts):
    """Pieces as one line: <variable>, _{subscript}, ^{superscript}."""
    shown = {"text": "{}", "variable": "<{}>", "sub": "_{{{}}}", "sup": "^{{{}}}"}
    return "".join(shown[kind].format(part if isinstance(part, str) else written(part)) for kind, part in parts)


def plain(parts):
    """The letters of pieces, as the page's text has them."""
    return "".join(part if isinstance(part, str) else plain(part) for _, part in parts)


SET = {
    "f(L_g x) = K_g f(x)": "<f>(<L>_{<g>} <x>) = <K>_{<g>} <f>(<x>)",
    "T(s'|s, a) sparse": "<T>(<s'>|<s>, <a>) sparse",
    "V_{k+1}(s) = max_a R(s, a)": "<V>_{<k>+1}(<s>) = max_{<a>} <R>(<s>, <a>)",
    "γ Σ_s' T(s'|s, a) V_k(s'), from V_0 = 0": "<γ> Σ_{<s'>} <T>(<s'>|<s>, <a>) <V>_{<k>}(<s'>), from <V>_{0} = 0",
    "Â_t = δ_t + γ λ Â_{t+1}": "<Â>_{<t>} = <δ>_{<t>} + <γ> <λ> <Â>_{<t>+1}",
    "S(W) = 1/|G| Σ_g K_g⁻¹ W L_g": "<S>(<W>) = 1/|<G>| Σ_{<g>} <K>_{<g>}⁻¹ <W> <L>_{<g>}",
    "r^n = s² = e, s r s = r⁻¹": "<r>^{<n>} = <s>² = <e>, <s> <r> <s> = <r>⁻¹",
    "L_{r^k s^f} x = rot90(flipud^f(x), k)": "<L>_{<r>^{<k>} <s>^{<f>}} <x> = rot90(flipud^{<f>}(<x>), <k>)",
    "A bound on max_s V*(s) − V^π(s)": "A bound on max_{<s>} <V>^{*}(<s>) − <V>^{<π>}(<s>)",
    "π_old is what the old network gave": "<π>_{old} is what the old network gave",
    "rho_in: L, of dimension d_in.": "rho_in: L, of dimension <d>_{in}.",
    "K_g a for every g": "<K>_{<g>} <a> for every <g>",
    "a K_g that does not permute": "a <K>_{<g>} that does not permute",
    "Σ_j max(0, ε − d(anchor, Z(s¬_j)))": "Σ_{<j>} max(0, <ε> − <d>(anchor, <Z>(<s¬>_{<j>})))",
    "z^k = f(m^k(s)), k = 1 … K": "<z>^{<k>} = <f>(<m>^{<k>}(<s>)), <k> = 1 … <K>",
    "z' = z + Δz: a code": "<z'> = <z> + Δ<z>: a code",
    "σ: S → S̄ and α_s: A → Ā": "<σ>: <S> → <S̄> and <α>_{<s>}: <A> → <Ā>",
    "{g ∈ G : g·x = x}, the elements": "{<g> ∈ <G> : <g>·<x> = <x>}, the elements",
    "(a, b)(c, d) = (ac, bd)": "(<a>, <b>)(<c>, <d>) = (<ac>, <bd>)",
    "a function (g, x) -> x with g an index": "a function (<g>, <x>) -> <x> with <g> an index",
    "actions 0, 1, ..., n − 1": "actions 0, 1, ..., <n> − 1",
    "permutations of 0..n−1": "permutations of 0..<n>−1",
    "copies of |G| poses": "copies of |<G>| poses",
    "eps^(2/3) and 2^27 numbers": "eps^{2/3} and 2^{27} numbers",
    "state_j ≠ state_i": "state_{<j>} ≠ state_{<i>}",
    "f_edge(z^k, z^j)": "<f>_{edge}(<z>^{<k>}, <z>^{<j>})",
    "ρ(g) e_h = e_{gh}": "<ρ>(<g>) <e>_{<h>} = <e>_{<gh>}",
    "Q(s, a) of a table (S, A)": "<Q>(<s>, <a>) of a table (S, A)",
    "R(s, a) for all s, a and B": "<R>(<s>, <a>) for all <s>, <a> and B",
    "R(s) for all s, a reward": "<R>(<s>) for all <s>, a reward",
    "hinge: ε, in units of d": "hinge: <ε>, in units of d",
    "rows of s, of s' and of a batch": "rows of <s>, of <s'> and of a batch",
    "|V_k − V*| ≤ γ/(1−γ)": "|<V>_{<k>} − <V>^{*}| ≤ <γ>/(1−<γ>)",
    "entry [s, a, s'], that of the step": "entry [<s>, <a>, <s'>], that of the step",
}
KEPT = """A group, or a name; a number of n_states.
n_actions: number of actions.
(S, A, S), (S·A, S) and (n + 1, A)
x's dtype, and P's rows
observations (n, *shape) -> actions (n,)
(|G|, n) and (batch, channels, [|G|,] H, W)
(..., channels_in, d_in) → (..., channels_out, d_out)
(batch, channels_out, |G|, H', W')
(n_states, 1, 3·size, 3·size)
beside the 10 N of an action
C2, D4, S3 and a regular n-gon
1e-15 of it, 3 × 3 places, 8 × 8 pixels, 1 GiB
double Q-learning, C-SWM, 2-D shapes
render_mode="rgb_array"
Discrete(n, start=k)
set_state(env, state)
numpy.moveaxis(P, 0, 1)
a size × size grid
AutoresetMode.NEXT_STEP
"states", "next_obs" or None
act_in, act_out: as for others
NumPy's default_rng and stack_module_state
I take A as it is, a and b
torch.no_grad() where it is
a 5 % share, and/or Kipf et al.
SYMRL_STATIC=1
results[name][i] = function(cases[name], seeds[i])
the state's own, and the states' names""".splitlines()


@pytest.mark.parametrize("text", SET)
def test_a_formula_is_set(text):
    assert written(formulas.pieces(text)) == SET[text]


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_formula_stays(text):
    assert formulas.pieces(text) == [("text", text)]


@pytest.mark.parametrize("text", [*SET, *KEPT])
def test_no_letter_is_lost(text):
    letters = re.sub(r"[\s_^{}()]", "", text)
    assert re.sub(r"[\s_^{}()]", "", plain(formulas.pieces(text))) == letters


def test_a_letter_of_another_sentence_of_the_docstring_is_a_variable_alone_but_not_the_article():
    letters = formulas.letters_of("K_g a moves; W = 1")
    assert letters == {"K", "g", "W"}
    assert written(formulas.pieces("for a g of W, call(g), g's", letters)) == "for a <g> of <W>, call(g), g's"


def test_the_page_has_subscripts_and_leaves_code_alone():
    pytest.importorskip("sphinx")
    from docutils import nodes
    from sphinx import addnodes

    path = ROOT / "book" / "_extensions" / "symrl_reference.py"
    spec = importlib.util.spec_from_file_location("reference_tried", path)
    reference = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(reference)

    def content():
        returned = nodes.inline("", "", nodes.Text("V_k(s) and "))  # as Sphinx has it under "Returns"
        paragraph = nodes.paragraph("", "", returned, nodes.literal("V_k", "V_k"))
        name = nodes.strong("", "d_in")
        return addnodes.desc_content(
            "", paragraph, nodes.paragraph("", "", name), nodes.doctest_block("", ">>> V_k(s)")
        )

    class App:
        class env:
            docname = "book/reference/mdp"

    page = nodes.section("", nodes.title("", "V_k(s)"), content())
    reference.set_formulas(App, page)
    assert [node.astext() for node in page.findall(nodes.subscript)] == ["k"]
    assert page.astext().startswith("V_k(s)\n\nVk(s) and V_k") and page.astext().endswith("d_in\n\n>>> V_k(s)")
    App.env.docname = "book/glossary"
    page = nodes.section("", content())
    reference.set_formulas(App, page)
    assert not list(page.findall(nodes.subscript))

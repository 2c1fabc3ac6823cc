"""Formulas in plain text, such as "V_k(s) = max_a Q(s, a)", as pieces: variables, subscripts and superscripts.

Docstrings are read in `help()` too, so their formulas are text. Here they are taken apart for a page. Only what is
certainly a formula is changed: a letter that carries an index or an argument, or one in a run of letters, numbers and
operators. Shapes such as (S, A), names such as n_states and the article stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

Piece = tuple[str, "str | list[Piece]"]  # ("text" | "variable", text) or ("sub" | "sup", pieces)

LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0391-\u03a9\u03b1-\u03c9\u1e00-\u1eff"
MARKS = "\u0300-\u036f\u00ac"  # bars, hats, tildes and dots above a letter; s¬
PART = f"[{LETTER}{MARKS}0-9_]"  # of a word or a number; \\w would take ² and ⁿ too
ALONE = rf"[{LETTER}][{MARKS}]*"
PRIME = rf"['\u2019](?![{LETTER}])"
INDEX = rf"(?:\{{[^{{}}]*\}}|\([^()]*\)(?<=\d\))|(?:in|out|node|edge|old|ii|ij|{ALONE}(?:{PRIME})?|\d+)(?!{PART}))"
SCRIPTS = rf"(?:[_^]{INDEX})+|\*(?![\w*])"
NAMES = "max|min|argmax|argmin|softmax|mean|span|trace|dim|cos|sin"
PRODUCTS = frozenset(["gh", "ab", "ba", "bc", "ac", "bd", "ea", "ae"])  # of elements of a group
SMALL_WORDS = frozenset(
    ["and", "or", "for", "with", "is", "are", "in", "on", "of", "as", "by", "to", "from", "at", "if"]
)
TOKEN = re.compile(
    rf"(?P<shape>(?<![\w)\]{MARKS}])\((?:(?:\[[^][()]*,\] )?[\w|.*·+−' {MARKS}]+?,?(?:, ?|(?=\))))+\))"
    rf"|(?P<code>(?:[{LETTER}]\w*\.)+[{LETTER}]\w*|[{LETTER}]\w*(?:-[{LETTER}]\w*)+)"
    rf"|(?P<symbol>(?<!{PART})(?<![.'\"\u2019])Δ?{ALONE}(?:{PRIME})?(?:{SCRIPTS})?(?!{PART}|['\u2019][{LETTER}]))"
    rf"|(?P<late>(?<=\.\.){ALONE}(?!{PART}))"
    rf"|(?P<indexed>(?:{NAMES})_{ALONE}(?:{PRIME})?(?!{PART})|[a-z]{{3,}}_[ij](?!\w)|\w+\^{INDEX})"
    rf"|(?P<word>[{LETTER}][\w{MARKS}]*(?:['\u2019][{LETTER}]+)?)"
    r"|(?P<number>\d+(?:\.\d+)?(?:e[-−]?\d+)?|[½¼¾∞]|\.{2,}|…)"
    r"|(?P<operator>->|[=≤≥≠<>∈→·×+−±/@⋆*]| : )"
    r"|(?P<bracket>[][(){}|⌊⌋√!°⁻¹²³ⁿ·]|[\u2070-\u209c])"
    r"|(?P<space>\s+)"
    r"|(?P<other>.)",
    re.DOTALL,
)
BASE = re.compile(rf"(?P<base>.+?)(?P<scripts>{SCRIPTS})?", re.DOTALL)
SCRIPT = re.compile(rf"(?P<sign>[_^])(?P<index>{INDEX})|(?P<star>\*)")
SIZE = re.compile(r"\.\.\.|\*?[A-Za-z]\w+|\d+|[A-Zdkmn]'?")  # what an axis is made of, and a pair (s, a) is not
SURE = re.compile(rf"[\u00c0-\u024f\u03b1-\u03c9\u1e00-\u1eff][{MARKS}]*|[{LETTER}][{MARKS}]+|{ALONE}(?:{PRIME})")
NEVER_ALONE = frozenset("aAI")


@dataclass
class Token:
    """A part of the text: its kind, itself, and whether it belongs to a formula."""

    kind: str
    text: str
    formula: bool = False


def is_shape(text: str) -> bool:
    """Whether parentheses hold sizes of axes: (S, A), (n, *shape), and not a pair such as (s, a) or (x + y, z)."""
    entries = [entry.strip(" []") for entry in text[1:-1].split(",") if entry.strip(" []")]
    parts = [part for entry in entries for part in re.split(r"[·+−|\s]+", re.sub(f"[{MARKS}]", "", entry)) if part]
    plain = re.sub("[\u00c0-\u024f]", "A", "|".join(parts)).split("|")
    return bool(entries) and "," in text and all(SIZE.fullmatch(part) and part not in PRODUCTS for part in plain)


def tokens_of(text: str) -> list[Token]:
    """The text in tokens; parentheses that are no shape are taken apart."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = TOKEN.match(text, place)
        assert match is not None  # the last alternative takes whatever there is
        kind, part = str(match.lastgroup), match.group()
        if kind == "shape" and not is_shape(part):
            kind, part = "bracket", text[place]
        elif kind == "late":
            kind = "symbol"
        elif kind == "word" and (part in PRODUCTS or (part == "as" and text[place - 1 : match.end() + 1] == "(as)")):
            kind = "product"
        elif kind == "word" and (text[match.end() : match.end() + 1] in ("(", "[") or re.fullmatch(NAMES, part)):
            kind = "call"
        elif kind == "operator" and part in ("=", "<", ">", "*") and (text + " ")[match.end()] not in " \n":
            kind = "other"
        found.append(Token(kind, part))
        place += len(part)
    return found


def runs_of(tokens: list[Token]) -> Iterator[list[Token]]:
    """Neighbours that may be one formula: everything but words, shapes and the ends of clauses; commas in brackets."""
    run: list[Token] = []
    depth = 0
    for token in tokens:
        inside = token.kind == "other" and token.text == "," and depth > 0
        if token.kind in ("word", "code", "shape") or (token.kind == "other" and not inside):
            yield run
            run, depth = [], 0
        else:
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.text, 0)
            run.append(token)
    yield run


def without_articles(run: list[Token], after: Token | None) -> list[Token]:
    """The run without an article at its start, "a K_g that ...", or at its end, "x = a number"."""
    while run and run[-1].kind == "space":
        run = run[:-1]
    while run and run[0].kind == "space":
        run = run[1:]
    if len(run) > 2 and run[0].text in NEVER_ALONE and run[1].kind == "space" and run[2].kind != "operator":
        run = run[2:]
    article = after is not None and after.kind in ("word", "code", "call") and after.text not in SMALL_WORDS
    if article and len(run) > 2 and run[-1].text == "a" and run[-2].kind == "space":
        run = run[:-2]
    return run


def is_formula(run: list[Token]) -> bool:
    """Whether there is proof: an index, an argument, a prime, |G|, or an operator between what it can stand between."""
    solid = [token for token in run if token.kind != "space"]
    if not any(token.kind in ("symbol", "indexed") for token in solid):
        return False
    for before, token, after in zip([None, *solid], solid, [*solid[1:], None], strict=False):
        if token.kind == "indexed" or (token.kind == "symbol" and re.search(r"[_^*'’]|.¬", token.text)):
            return True
        if token.kind == "symbol" and before and after and before.text == after.text == "|":
            return True
    for one, two in pairwise(run):
        if one.kind == "symbol" and two.text in ("(", "[", "!"):
            return True
    for before, token, after in zip(solid, solid[1:], solid[2:], strict=False):
        ends = (
            before.kind in ("symbol", "number", "indexed")
            or before.text in (")", "]", "|", "}")
            or before.kind == "product"
        )
        starts = after.kind in ("symbol", "number", "indexed", "product", "call") or after.text in tuple("([{|√")
        code = before.text == "]" and after.kind == "call"  # results[name][i] = function(...)
        if token.kind == "operator" and ends and starts and not code:
            return True
    if len(solid) > 1 and solid[1].text == "=" and solid[0].kind == "symbol":
        return True
    inner = [token.text for token in solid[1:-1]]
    pair = len(inner) > 2 and solid[0].text == "(" and solid[-1].text == ")" and set(inner[1::2]) == {","}
    return pair and all(token.kind == "symbol" for token in solid[1:-1:2])


def marked(text: str) -> list[Token]:
    """The tokens of a text; those that belong to a formula know it."""
    tokens = tokens_of(text)
    places = {id(token): place for place, token in enumerate(tokens)}
    for run in runs_of(tokens):
        if run:
            next_words = (token for token in tokens[places[id(run[-1])] + 1 :] if token.kind != "space")
            run = without_articles(run, next(next_words, None))
        formula = bool(run) and is_formula(run)
        for token in run:
            token.formula = formula or (token.kind == "symbol" and bool(SURE.fullmatch(token.text)))
    return tokens


def letters_of(text: str) -> frozenset[str]:
    """The single letters that are variables of a formula somewhere in the text, and x where there is an ẋ."""
    found: set[str] = set()
    for token in marked(text):
        if token.formula and token.kind in ("symbol", "indexed"):
            plain = re.sub(f"[{MARKS}]", "", unicodedata.normalize("NFD", token.text))
            found |= set(re.findall(rf"(?<!{PART})[{LETTER}](?!{PART})", re.sub(r"[_^{}*]", " ", plain)))
        elif token.formula and token.kind == "product":
            found |= set(token.text)
    return frozenset(found - NEVER_ALONE)


def index_pieces(index: str) -> list[Piece]:
    """What stands in a subscript or superscript: letters are variables, words and numbers are not."""
    if index[0] in "{(":
        index = index[1:-1]
    if re.fullmatch(rf"ii|ij|{ALONE}(?:['\u2019])?", index) or index in PRODUCTS:
        return [("variable", index)]
    found: list[Piece] = []
    for token in marked(index):
        token.formula = token.formula or token.kind == "symbol"
        found += pieces_of(token)
    return joined(found)


def pieces_of(token: Token) -> list[Piece]:
    """One token."""
    if not token.formula or token.kind not in ("symbol", "indexed", "product"):
        return [("text", token.text)]
    if token.kind == "product":
        return [("variable", token.text)]
    first = re.search(r"[_^*]", token.text)
    base = token.text if first is None else token.text[: first.start()]
    upright = token.kind == "indexed" or base in ("Σ", "Π")
    found: list[Piece] = [("text" if upright else "variable", base)]
    if base[0] == "Δ" and len(base) > 1:
        found = [("text", "Δ"), ("variable", base[1:])]
    for script in SCRIPT.finditer(token.text, len(base)):
        if script["star"]:
            found.append(("sup", [("text", "*")]))
        else:
            found.append(("sub" if script["sign"] == "_" else "sup", index_pieces(script["index"])))
    return found


def joined(pieces: list[Piece]) -> list[Piece]:
    """The same with neighbouring texts as one."""
    found: list[Piece] = []
    for kind, content in pieces:
        if kind == "text" and found and found[-1][0] == "text":
            found[-1] = ("text", f"{found[-1][1]}{content}")
        else:
            found.append((kind, content))
    return found


def pieces(text: str, letters: frozenset[str] = frozenset()) -> list[Piece]:
    """The pieces of a text, in order.

    Args:
        text: a piece of prose, with formulas in it or not.
        letters: what is a variable elsewhere in the same docstring (see `letters_of`), and therefore alone as well.
    """
    found: list[Piece] = []
    known = letters | letters_of(text)
    tokens = [Token("space", ""), *marked(text), Token("space", "")]
    before = tokens[0]
    depth = 0  # of the parentheses of a call such as Discrete(n, start=k), which is code
    for place, token in enumerate(tokens):
        if token.text in ("(", "[") and (depth or before.kind in ("call", "code")):
            depth += 1
        elif token.text in (")", "]") and depth:
            depth -= 1
        elif token.kind == "symbol" and token.text in known and not depth:
            token.formula = True
        elif token.text == "a" and place > 2 and [part.text for part in tokens[place - 2 : place]] == [",", " "]:
            after = tokens[place + 2].text if tokens[place + 1].text == " " else ""  # "for all s, a and B": no article
            token.formula = token.formula or (tokens[place - 3].formula and after in SMALL_WORDS)
        found += pieces_of(token)
        before = token
    return joined(found)

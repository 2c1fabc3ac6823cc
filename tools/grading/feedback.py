"""One page a student: marks for each question and what the tests said. Everything in it is escaped text.

The page needs no other file, runs no script (its own policy forbids it), and fits a phone and a dark screen. It
shows the tests' messages, which speak of what was given and expected, and no line of a hidden test's code.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from tools.grading import advice
from tools.grading import notebook as nb
from tools.grading.names import shown
from tools.grading.tables import clean, number

STYLE = """
:root {
  color-scheme: light dark;
  --line: #c9cdd3; --soft: #f3f5f7; --good: #1b6e3c; --bad: #a3271f; --text: #1d2126; --page: #fff;
}
@media (prefers-color-scheme: dark) {
  :root { --line: #444b55; --soft: #242930; --good: #7fd6a0; --bad: #ff9d94; --text: #e8eaed; --page: #16191d; }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 1rem; max-width: 46rem;
  font: 1rem/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
}
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; overflow-wrap: anywhere; }
section { border-top: 1px solid var(--line); padding: .7rem 0; }
h3 { display: flex; justify-content: space-between; gap: 1rem; font-size: 1rem; margin: 0 0 .3rem; }
p { overflow-wrap: anywhere; }
.all { color: var(--good); }
.some { color: var(--bad); }
ul { list-style: none; margin: 0; padding: 0; }
li { margin: .3rem 0; }
pre {
  margin: .3rem 0; padding: .6rem; background: var(--soft); border-radius: .3rem;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .9rem;
}
footer { margin-top: 2rem; font-size: .85rem; }
"""


def text(value: object) -> str:
    """Anything as text of a page."""
    return escape(clean(value), quote=True)


def points(earned: float | None, most: float) -> str:
    """Marks as people read them."""
    return f"{'?' if earned is None else number(earned)} of {number(most)}"


def page(student: str, records: Sequence[dict[str, Any]]) -> str:
    """The whole page of one student."""
    parts = "".join(problem(record) if "problem" in record else assignment(record) for record in records)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Feedback: {text(shown(student))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Feedback: {text(shown(student))}</h1>\n{parts}</main>\n"
        "<footer>A test is worth its points or nothing. Some tests are hidden: they use other groups, sizes and "
        "numbers than the ones in your notebook.</footer>\n</body>\n</html>\n"
    )


def problem(record: dict[str, Any]) -> str:
    """What could not be graded, why, and what the student does next."""
    where = record.get("title") or record["assignment"] or shown(record["file"]) or "Your submission"
    ours = record["problem"] == "graders-fault"  # the report has the detail, which may name this machine's folders
    what = advice.about(record["detail"], record.get("titles", {}))
    detail = f"<pre>{text(what)}</pre>" if what and not ours else ""
    file = f"<p>{text(shown(record['file']))}</p>\n" if record["file"] else ""
    return (
        f"<h2>{text(where)}: not graded yet</h2>\n{file}"
        f"<p>{text(advice.DO.get(record['problem'], record['problem']))}</p>{detail}\n"
    )


def assignment(record: dict[str, Any]) -> str:
    """One assignment: its total, then each question."""
    marks = record["marks"]
    known = sum(earned for earned, _ in marks.values() if earned is not None)
    total = f"{number(known)} of {number(sum(most for _, most in marks.values()))}"
    waits = " (so far: an answer waits to be read)" if any(earned is None for earned, _ in marks.values()) else ""
    late = " · handed in late" if record["late"] else ""
    rule = record["lateness"].words if "lateness" in record else ""
    head = f"<h2>{text(record['title'])}</h2>\n"
    head += f"<p><strong>{total} points</strong>{waits}{late} · {text(shown(record['file']))}</p>\n"
    if rule:
        so_far = " so far" if waits else ""
        counts = f" So {number(record['counts'])} points count{so_far}." if record["deducted"] else ""
        head += f"<p>{text(rule[0].upper() + rule[1:])}.{counts}</p>\n"
    if record.get("refused"):
        head += f"<p>{text(advice.DO.get(record['refused'], ''))} A person has marked it.</p>\n"
    head += "".join(f"<p>{text(note)}</p>\n" for note in advice.notes(record, record.get("titles", {})))
    return head + "".join(question(name, record) for name in marks)


def question(name: str, record: dict[str, Any]) -> str:
    """One question: its marks, its tests, and the answer that a person read."""
    earned, most = record["marks"][name]
    kind = "waits" if earned is None else "all" if earned == most else "some"
    title = record.get("titles", {}).get(name, name)
    lines = []
    for part in record["tests"]:
        if nb.question_of(part["test"]) == name:
            mark = "✓" if part["earned"] else "✗"
            message = f"<pre>{text(part['message'])}</pre>" if part["message"] else ""
            lines.append(f"<li>{mark} {text(part['test'])}: {points(part['earned'], part['points'])}{message}</li>")
    for part in record["by_hand"]:
        if nb.question_of(part["cell"]) == name:
            remark = f"<pre>{text(part['remark'])}</pre>" if part.get("remark") else ""
            state = "not answered" if part["earned"] == 0 and not part.get("marked") else "read by a person"
            state = "waits to be read" if part["earned"] is None else state
            lines.append(f"<li>Your text: {points(part['earned'], part['points'])}, {state}{remark}</li>")
    if name in record.get("override", ()):
        remark = f"<pre>{text(record['override'][name])}</pre>" if record["override"][name] else ""
        lines.append(f"<li>Marked by a person: {points(earned, most)}{remark}</li>")
    return (
        f'<section>\n<h3><span>{text(title)}</span><span class="{kind}">{points(earned, most)}</span></h3>\n'
        f"<ul>{''.join(lines)}</ul>\n</section>\n"
    )

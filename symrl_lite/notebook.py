"""Sentences of a chapter whose numbers come from the run, so that text and figure cannot disagree."""

from __future__ import annotations

from string import Formatter
from typing import Any

__all__ = ["say", "sentence"]


def sentence(template: str, **values: Any) -> str:
    """The template with the values filled in, if it uses each of them and no other.

    Args:
        template: Markdown with `str.format` fields that have names, such as "{error:.1e}".
        values: one for each field.

    Raises:
        ValueError: a field without a value, a value without a field, or a field without a name.
        TypeError: a template that is no string.

    >>> sentence("The error is {error:.1e} on {n} elements.", error=0.00012, n=8)
    'The error is 1.2e-04 on 8 elements.'
    """
    if not isinstance(template, str):
        raise TypeError(f"template is {template!r}, expected a string")
    fields = _fields(template)
    if any(not field or field.isdigit() for field in fields):
        raise ValueError(f"template {template!r} has a field without a name, expected names such as {{error}}")
    unknown, unused = fields - set(values), set(values) - fields
    if unknown:
        raise ValueError(f"the template asks for {_list(unknown)}: give a value for each field")
    if unused:
        raise ValueError(f"the template does not use {_list(unused)}: name it in the text or leave it out")
    return template.format(**values)


def say(template: str, **values: Any) -> None:
    """Show `sentence(template, **values)` as Markdown, in JupyterLab, in Colab and on the site.

    >>> say("The error is {error:.1e}.", error=0.00012)
    <IPython.core.display.Markdown object>
    """
    from IPython.display import Markdown, display

    display(Markdown(sentence(template, **values)))


def _fields(template: str) -> set[str]:
    """Names in a template, those inside of format specifications too."""
    names = set()
    for _, name, specification, _ in Formatter().parse(template):
        if name is not None:
            names.add(name.split(".")[0].split("[")[0])
        if specification:
            names |= _fields(specification)
    return names


def _list(names: set[str]) -> str:
    return ", ".join(repr(name) for name in sorted(names))

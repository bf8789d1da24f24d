"""Figures inside a page: SVG that shares the page's colours and asks nobody for anything."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from practicum.figures import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_STYLE = re.compile(r"<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL)
_ROOT = re.compile(r"<svg\b[^>]*>")
_VIEW_BOX = re.compile(r'viewBox="([^"]*)"')
_ID = re.compile(r'\sid="([^"]*)"')
_REFERENCE = re.compile(r'(?:xlink:)?href="#([^"]*)"|url\(#([^)]*)\)')
_COORDINATES = re.compile(r'\s(?:d|x|y|points)="[^"]*"|translate\([^)]*\)')
_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_BLANKS = re.compile(r">\s+<")

VARIABLES = {
    style.INK: "ink",
    style.MUTED: "muted",
    style.GRID: "grid",
    style.PAPER: "paper",
    style.NEVER: "never",
    **{colour: f"colour-{i}" for i, colour in enumerate(style.COLOURS, 1)},
}
"""Colours of the figures' style, and the CSS variable by which the page may change each in the dark."""
_COLOUR = re.compile("|".join(VARIABLES))


def inline(figure: Figure, name: str, label: str, described_by: str) -> str:
    """A figure as an ``<svg>`` element.

    Main arguments:
        name: put before every identifier, so that two figures of one page do not share any.
        label: the accessible name.
        described_by: identifier of the caption.

    What matplotlib writes is cut down: no metadata, no identifiers that nobody refers to, coordinates to a hundredth
    of a point. Colours of the style become ``var(--ink, #...)``.
    """
    text = style.svg(figure)
    root = _ROOT.search(text)
    box = _VIEW_BOX.search(root.group()) if root else None
    if root is None or box is None:
        raise RuntimeError("matplotlib wrote an SVG without a root element")
    body = text[root.end() :]
    for pattern in (_COMMENT, _METADATA, _STYLE):
        body = pattern.sub("", body)
    used = {first or second for first, second in _REFERENCE.findall(body)}
    body = _ID.sub(lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", body)
    body = _REFERENCE.sub(lambda found: f'href="#{name}-{found[1]}"' if found[1] else f"url(#{name}-{found[2]})", body)
    body = body.replace("xlink:href=", "href=")
    body = _COORDINATES.sub(lambda found: _NUMBER.sub(_shorter, found[0]), body)
    body = _COLOUR.sub(lambda found: f"var(--{VARIABLES[found[0]]}, {found[0]})", body)
    body = _BLANKS.sub("><", body)
    return (
        f'<svg class="figure" viewBox="{box[1]}" role="img" aria-label="{escape(label)}" '
        f'aria-describedby="{escape(described_by)}">{body.strip()}'
    )


def _shorter(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")

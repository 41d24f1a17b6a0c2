"""A pandas table with the colours that its author gave it.

A Styler puts them into a style sheet, by the ids of cells; where it is shown neither may be, since both could reach
beyond the table. So each cell gets its own.
"""

from __future__ import annotations

import re
from collections import defaultdict
from html import escape

_SHEET = re.compile(r"<style[^>]*>(.*?)</style>", re.DOTALL)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_ID = re.compile(r'\sid="([^"]*)"')


def inlined(html: str) -> str:
    """The same table with its style sheet's rules at the cells they are for.

    Examples
    --------
    >>> inlined('<style>#a, #b {\\n  color: red;\\n}</style><td id="a">1</td><td id="c">2</td>')
    '<td style="color: red;">1</td><td>2</td>'
    """
    styles: defaultdict[str, list[str]] = defaultdict(list)
    for sheet in _SHEET.findall(html):
        for selectors, declarations in _RULE.findall(sheet):
            for selector in selectors.split(","):
                if selector.strip().startswith("#") and " " not in selector.strip():
                    styles[selector.strip()[1:]].append(" ".join(declarations.split()))

    def style(match: re.Match[str]) -> str:
        given = " ".join(styles.get(match[1], ()))
        return f' style="{escape(given)}"' if given else ""

    return _ID.sub(style, _SHEET.sub("", html))

"""Python objects as MIME bundles: what stands beside a question, and what ``ctx.display`` shows.

Libraries are told by their names, never imported for it: an object of theirs can only exist if they are loaded.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import msgspec

from hitl_jupyter.author.charts import chart
from hitl_jupyter.author.heavy import loaded
from hitl_jupyter.author.pictures import array, comes_from, figure, image
from hitl_jupyter.author.styled import inlined
from hitl_jupyter.projection import project
from hitl_jupyter.protocol import MimeBundle

MAX_BYTES = 5 * 1024 * 1024
"""Of the evidence of one request, all told, and of one display."""

MAX_ROWS, MAX_COLUMNS = 60, 30
"""Of a table; the middle is left out."""

MAX_OBJECTS = 100
"""Of the evidence of one request."""

MAX_PLAIN = 20_000
"""Characters of a plain-text representation."""

_SHOWN = {"max_rows": MAX_ROWS, "max_cols": MAX_COLUMNS}

_REPRS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
}

_NEEDS_SCRIPTS = (
    "(not shown: it needs scripts, which do not run beside a question; show the bytes of a PNG of it instead)"
)

_encode = msgspec.json.Encoder(enc_hook=str).encode


def evidence(show: Any) -> list[MimeBundle]:
    """The bundles for ``show=``: one object, or a list or tuple of them.

    At most :data:`MAX_OBJECTS`, and within :data:`MAX_BYTES` all together.

    Examples
    --------
    >>> evidence(["**3** outliers", {"mae": 0.25}])[0]
    {'text/markdown': '**3** outliers', 'text/plain': '**3** outliers'}
    """
    if show is None:
        return []
    objects = show if isinstance(show, (list, tuple)) else [show]
    shown = [bundle(each) for each in objects[:MAX_OBJECTS]]
    if len(objects) > MAX_OBJECTS:
        left_out = f"(left out: {len(objects) - MAX_OBJECTS} of {len(objects)} objects)"
        shown.append({"text/plain": left_out})
    return fit(shown)


def bundle(value: Any) -> MimeBundle:
    """One object's MIME bundle; always with ``text/plain``. What cannot be shown says why, and raises nothing."""
    if isinstance(value, str):
        return {"text/markdown": value, "text/plain": value}
    if isinstance(value, (dict, list, tuple)):
        plain = project(value)
        return {"application/json": plain, "text/plain": json.dumps(plain, indent=2, ensure_ascii=False)[:MAX_PLAIN]}
    try:
        found = next((found for convert in _CONVERTERS if (found := convert(value))), None)
    except Exception as error:  # a chart or a table may raise anything, and a question must not fail for it
        why = f"(not shown as it should be: {type(error).__name__}: {str(error)[:500]})"
        return {**_by_reprs(value), "text/plain": f"{_plain(value)}\n{why}"}
    found = _by_reprs(value) if found is None else found
    return {**found, "text/plain": found.get("text/plain") or _plain(value)}


def fit(bundles: list[MimeBundle], allowed: int = MAX_BYTES) -> list[MimeBundle]:
    """Keep bundles within so many bytes: where they are over, the largest representations give way to a note."""
    kept = [clean(each) for each in bundles]
    sizes = [{kind: len(_encode(data)) for kind, data in each.items()} for each in kept]
    while sum(sum(of.values()) for of in sizes) > allowed:
        at, kind, size = max(((at, kind, size) for at, of in enumerate(sizes) for kind, size in of.items()), key=_size)
        note = f"(left out: {kind} of {size / 2**20:.1f} MiB, over the {allowed / 2**20:g} MiB that may be shown here)"
        kept[at].pop(kind)
        sizes[at].pop(kind)
        kept[at]["text/plain"] = f"{str(kept[at].get('text/plain', ''))[:2000]}\n{note}".strip()
        sizes[at]["text/plain"] = len(_encode(kept[at]["text/plain"]))
    return kept


def _size(entry: tuple[int, str, int]) -> int:
    return entry[2]


def clean(given: MimeBundle) -> MimeBundle:
    """A bundle as it can travel: bytes as base64, JSON types as plain JSON, the rest as text."""
    return {str(kind): _clean(str(kind), data) for kind, data in given.items() if data is not None}


def _clean(kind: str, data: Any) -> Any:
    if isinstance(data, (bytes, bytearray)):
        return base64.b64encode(data).decode()
    if isinstance(data, str):
        # matplotlib and IPython give base64 with line ends; a lone surrogate could not be sent.
        data = data.strip() if kind.startswith("image/") and not kind.endswith("xml") else data
        return data if data.isascii() else data.encode("utf-8", "replace").decode()
    if kind == "application/json" or kind.endswith("+json"):
        return json.loads(_encode(data))
    return str(data)


def _plain(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # a repr may raise anything, and a question must not fail for it
        text = f"<{type(value).__qualname__}>"
    return text if len(text) <= MAX_PLAIN else text[:MAX_PLAIN] + "…"


def _table(value: Any) -> MimeBundle | None:
    if not comes_from(value, "pandas", "geopandas"):
        return None
    if hasattr(value, "to_html") and hasattr(value, "background_gradient"):  # a Styler
        html = inlined(value.to_html(max_rows=MAX_ROWS, max_columns=MAX_COLUMNS))
        return {"text/html": html, "text/plain": value.data.to_string(**_SHOWN)[:MAX_PLAIN]}
    if hasattr(value, "to_frame") and hasattr(value, "dtype"):  # a Series or an Index reads better as a table
        value = value.to_frame()
    if not (hasattr(value, "to_html") and hasattr(value, "columns")):
        return None
    options = {**_SHOWN, "show_dimensions": len(value) > MAX_ROWS}
    return {
        "text/html": value.to_html(notebook=True, border=0, **options),
        "text/plain": value.to_string(**options)[:MAX_PLAIN],
    }


_CONVERTERS: tuple[Callable[[Any], MimeBundle | None], ...] = (chart, figure, _table, image, array)


def _by_reprs(value: Any) -> MimeBundle:
    if isinstance(value, type):
        return {}
    if comes_from(value, "bokeh"):  # its HTML is a list of its properties, for a script to fold
        return {"text/plain": f"{_plain(value)}\n{_NEEDS_SCRIPTS}"}
    whole = _called(value, "_repr_mimebundle_", include=None, exclude=None)
    if isinstance(whole, tuple):
        whole = whole[0]
    found: MimeBundle = dict(whole) if isinstance(whole, dict) else {}
    for name, kind in _REPRS.items():
        if kind not in found and (data := _called(value, name)) is not None:
            found[kind] = data[0] if isinstance(data, tuple) else data
    return found


def _called(value: Any, name: str, **arguments: Any) -> Any:
    method: Callable[..., Any] | None = getattr(value, name, None)
    try:
        return None if method is None else method(**arguments)
    except Exception:  # IPython too shows the other representations then
        return None


def describe(value: Any) -> tuple[MimeBundle, dict[str, Any]]:
    """Bundle and metadata for a display: as IPython formats it where the task has IPython loaded, else as here."""
    if isinstance(value, str):
        return {"text/plain": value}, {}
    if comes_from(value, "plotly", "altair"):  # of themselves they would open a window, or need a script
        return bundle(value), {}
    shell = getattr(loaded("IPython.core.interactiveshell"), "InteractiveShell", None)
    if shell is not None and shell.initialized():
        data, metadata = shell.instance().display_formatter.format(value)
        if len(data) > 1:  # more than the repr
            return data, metadata
    return bundle(value), {}

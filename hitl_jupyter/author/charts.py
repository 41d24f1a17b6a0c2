"""Charts of plotly and altair: what a page can draw, a picture where it cannot, and a line that tells what it is."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from hitl_jupyter.author.pictures import comes_from, still
from hitl_jupyter.protocol import MimeBundle

PLOTLY = "application/vnd.plotly.v1+json"

_MAJOR = re.compile(r"/v(\d+)")


def chart(value: Any) -> MimeBundle | None:
    """The bundle of a plotly or an altair chart: its description, not the script that its HTML would need."""
    if comes_from(value, "plotly") and hasattr(value, "to_json") and hasattr(value, "data"):
        return _plotly(value)
    if comes_from(value, "altair") and hasattr(value, "to_dict") and hasattr(value, "save"):
        return _altair(value)
    return None


def _plotly(figure: Any) -> MimeBundle:
    described = json.loads(figure.to_json())
    kinds = Counter(str(trace.get("type", "scatter")) for trace in described.get("data", []))
    title = described.get("layout", {}).get("title")
    words = _words("Plotly figure", title, ", ".join(f"{count} {kind}" for kind, count in kinds.items()))
    picture = still("kaleido", lambda: bytes(figure.to_image(format="png")))
    return {PLOTLY: described, **picture, "text/plain": words}


def _altair(chart: Any) -> MimeBundle:
    spec = chart.to_dict()
    major = _MAJOR.search(str(spec.get("$schema", "")))
    mark = spec.get("mark")
    kind = mark.get("type", "") if isinstance(mark, Mapping) else mark or ""
    words = _words("Altair chart", spec.get("title"), str(kind))
    picture = still("vl_convert", lambda: _saved(chart))
    return {f"application/vnd.vegalite.v{major[1] if major else 5}+json": spec, **picture, "text/plain": words}


def _saved(chart: Any) -> bytes:
    buffer = io.BytesIO()
    chart.save(buffer, format="png")
    return buffer.getvalue()


def _words(what: str, title: Any, of: str) -> str:
    """A chart in a line: it stands beside a picture for those who do not see it, and where there is none."""
    text = title.get("text") if isinstance(title, Mapping) else title
    named = f" “{' '.join(str(each) for each in text)}”" if isinstance(text, list) else f" “{text}”" if text else ""
    return f"{what}{named}{f': {of}' if of else ''}"

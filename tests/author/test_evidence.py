"""Objects as MIME bundles, within their bounds."""

from __future__ import annotations

import base64
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from hitl_jupyter.author.evidence import bundle, evidence, fit
from hitl_jupyter.protocol import encode

mpl.use("agg")


def is_png(data: str) -> bool:
    """Whether this is base64 of a PNG."""
    return base64.b64decode(data).startswith(b"\x89PNG")


def test_text_is_markdown_and_one_object_need_not_stand_in_a_list() -> None:
    assert evidence("**3** left") == [{"text/markdown": "**3** left", "text/plain": "**3** left"}]
    assert evidence(None) == []
    assert len(evidence(["a", {"b": 1}])) == 2


def test_a_list_of_any_length_is_shown_in_a_bounded_number_of_objects() -> None:
    shown = evidence([str(n) * 3 for n in range(300_000)])
    assert len(shown) == 101
    assert shown[-1] == {"text/plain": "(left out: 299900 of 300000 objects)"}


def test_a_table_of_any_length_is_shown_in_a_bounded_number_of_rows() -> None:
    shown = bundle(pd.DataFrame({"a": range(100_000), "b": "x"}))
    assert shown["text/html"].count("<tr>") < 70
    assert "100000 rows" in shown["text/html"]
    assert len(shown["text/plain"]) < 20_001
    assert "<table" in bundle(pd.Series([1, 2], name="s"))["text/html"]


def test_figures_axes_and_images_become_png() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2])
    for value in (figure, axes, Image.new("RGB", (4, 4)), Image.new("CMYK", (4, 4))):
        shown = bundle(value)
        assert is_png(shown["image/png"]), value
        assert shown["text/plain"]


def test_plain_data_is_json_even_where_it_has_numbers_that_json_has_not() -> None:
    shown = bundle({"loss": float("nan"), "scores": np.arange(3)})
    assert shown["application/json"] == {"loss": None, "scores": [0, 1, 2]}
    assert "scores" in shown["text/plain"]


def test_objects_show_themselves_by_their_notebook_methods() -> None:
    class Rich:
        def _repr_html_(self) -> str:
            return "<b>rich</b>"

        def _repr_png_(self) -> bytes:
            return b"\x89PNG..."

        def _repr_svg_(self) -> str:
            raise RuntimeError("not today")

        def __repr__(self) -> str:
            return "Rich()"

    class Whole:
        def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
            return {"application/vnd.mine+json": {"array": np.arange(2)}, "text/html": "w"}, {}

    shown = evidence([Rich(), Whole()])
    assert shown[0]["text/html"] == "<b>rich</b>"
    assert is_png(shown[0]["image/png"])
    assert shown[0]["text/plain"] == "Rich()"
    assert "image/svg+xml" not in shown[0]
    assert shown[1]["text/html"] == "w"
    encode(shown)


def test_an_object_whose_repr_fails_still_has_a_name() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert "Broken" in bundle(Broken())["text/plain"]


def test_what_is_over_the_limit_gives_way_to_a_note_and_the_rest_stays() -> None:
    kept = fit([{"text/html": "x" * 6_000_000, "text/plain": "table"}, {"text/plain": "small"}])
    assert "text/html" not in kept[0]
    assert kept[0]["text/plain"].startswith("table\n(left out: text/html of 5.7 MiB")
    assert kept[1] == {"text/plain": "small"}
    assert len(encode(fit([{"text/plain": "y" * 9_000_000}]))) < 5000


@pytest.mark.parametrize("text", ["lone \ud800", "é" * 10])
def test_every_bundle_can_be_sent(text: str) -> None:
    encode(evidence([text, {"k": text}]))

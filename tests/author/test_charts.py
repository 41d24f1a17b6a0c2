"""Charts as what a page can draw, with a picture where one can be had."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from hitl_jupyter.author import pictures
from hitl_jupyter.author.charts import PLOTLY
from hitl_jupyter.author.evidence import bundle, describe, evidence
from hitl_jupyter.protocol import encode

PNG = b"\x89PNG\r\n\x1a\n..."


@pytest.fixture(autouse=True)
def failed_anew() -> Iterator[None]:
    """Each test begins as if no library had failed."""
    pictures._failed.clear()
    yield
    pictures._failed.clear()


@pytest.fixture
def without_makers() -> None:
    """As if neither kaleido nor vl-convert could make a picture here."""
    pictures._failed.update(("kaleido", "vl_convert"))


@pytest.mark.usefixtures("without_makers")
def test_a_plotly_figure_is_its_description_and_not_the_script_that_its_html_needs() -> None:
    figure = go.Figure([go.Scatter(y=np.array([1.0, np.nan, 3.0])), go.Histogram(x=[1, 1, 2])])
    figure.update_layout(title="Residuals")
    shown = evidence(figure)[0]
    assert set(shown) == {PLOTLY, "text/plain"}
    assert [trace["type"] for trace in shown[PLOTLY]["data"]] == ["scatter", "histogram"]
    assert shown["text/plain"] == "Plotly figure “Residuals”: 1 scatter, 1 histogram"
    assert "kaleido" not in sys.modules
    encode(shown)


@pytest.mark.usefixtures("without_makers")
def test_an_altair_chart_is_named_by_the_version_of_vega_lite_that_it_is_written_in() -> None:
    chart = alt.Chart(pd.DataFrame({"a": [1, 2]}), title="Sizes").mark_bar().encode(x="a:Q")
    major = alt.SCHEMA_VERSION.partition(".")[0]
    shown = bundle(chart)
    assert set(shown) == {f"application/vnd.vegalite.{major}+json", "text/plain"}
    assert shown["text/plain"] == "Altair chart “Sizes”: bar"
    assert bundle(chart + chart)["text/plain"] == "Altair chart"
    encode(shown)


@pytest.mark.usefixtures("without_makers")
def test_a_chart_that_cannot_be_described_says_why_and_the_question_stands() -> None:
    chart = alt.Chart(pd.DataFrame({"a": range(6000)})).mark_bar().encode(x="a:Q")
    assert "(not shown as it should be: MaxRowsError: " in bundle(chart)["text/plain"]


def test_a_displayed_chart_is_the_same_and_opens_no_window() -> None:
    opened: list[str] = []

    class Figure(go.Figure):  # type: ignore[misc]  # plotly has no types
        def _ipython_display_(self) -> None:
            opened.append("window")

    assert PLOTLY in describe(Figure())[0]
    assert opened == []


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that can be found, as kaleido can where it is installed."""
    (tmp_path / "maker_of_pictures.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    return "maker_of_pictures"


def test_a_picture_comes_along_where_its_maker_is_installed(maker: str) -> None:
    assert pictures.still(maker, lambda: PNG)["image/png"].startswith("iVBORw0KGgo")
    assert maker not in sys.modules
    assert pictures.still("no_such_maker", lambda: PNG) == {}


def test_a_maker_of_pictures_that_failed_is_not_asked_again(maker: str) -> None:
    asked: list[str] = []

    def draw() -> bytes:
        asked.append("once")
        raise RuntimeError("no browser")

    assert pictures.still(maker, draw) == {}
    assert pictures.still(maker, draw) == {}
    assert asked == ["once"]


def test_a_maker_of_pictures_that_takes_too_long_holds_up_no_question(
    maker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "STILL_SECONDS", 0.05)
    released = threading.Event()

    def draw() -> bytes:
        released.wait()
        return PNG

    assert pictures.still(maker, draw) == {}
    released.set()
    assert pictures.still(maker, lambda: PNG) == {}


def test_what_only_a_script_could_show_says_so() -> None:
    figure = type(
        "figure", (), {"__module__": "bokeh.plotting", "_repr_html_": lambda self: "<b>a list of properties</b>"}
    )
    shown = bundle(figure())
    assert set(shown) == {"text/plain"}
    assert "show the bytes of a PNG of it instead" in shown["text/plain"]

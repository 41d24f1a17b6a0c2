"""Images and arrays as still pictures of bounded size."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hitl_jupyter.author import pictures
from hitl_jupyter.author.evidence import bundle

RANDOM = np.random.default_rng(7)


def opened(shown: dict[str, Any], kind: str = "image/png") -> Image.Image:
    """The picture of a bundle, read back by Pillow."""
    return Image.open(io.BytesIO(base64.b64decode(shown[kind])))


@pytest.mark.parametrize(
    ("array", "mode"),
    [
        (RANDOM.integers(0, 255, (90, 70), dtype="uint8"), "L"),
        (RANDOM.integers(0, 255, (90, 70, 3), dtype="uint8"), "RGB"),
        (RANDOM.integers(0, 255, (90, 70, 4), dtype="uint8"), "RGBA"),
    ],
)
def test_an_array_of_bytes_is_the_image_it_holds(array: Any, mode: str) -> None:
    shown = bundle(array)
    assert shown["text/plain"] == "image 70 × 90"
    read = opened(shown)
    assert read.mode == mode
    assert np.array_equal(np.asarray(read), array)


def test_an_array_of_fractions_is_an_image_where_it_has_channels() -> None:
    read = np.asarray(opened(bundle(np.linspace(0, 1, 70 * 70 * 3).reshape(70, 70, 3))))
    assert read.min() == 0
    assert read.max() == 255
    assert np.asarray(opened(bundle(np.eye(80, dtype=bool)))).max() == 255


@pytest.mark.parametrize(
    "array",
    [
        np.full((90, 90, 3), np.nan),
        np.full((90, 90, 3), 7.5),
        RANDOM.random((12, 12)),
        np.zeros((3, 3), dtype="uint8"),
        np.zeros((0, 9, 3), dtype="uint8"),
        np.arange(9),
    ],
)
def test_numbers_to_read_stay_numbers(array: Any) -> None:
    assert set(bundle(array)) == {"text/plain"}


def test_an_image_of_few_pixels_is_large_enough_to_see() -> None:
    assert opened(bundle(np.zeros((8, 8), dtype="uint8"))).size == (128, 128)


def test_a_large_image_is_made_smaller_and_says_how_large_it_is() -> None:
    noise = RANDOM.integers(0, 255, (2200, 4500, 3), dtype="uint8")
    by_array, by_pillow = bundle(noise), bundle(Image.fromarray(noise))
    for shown in (by_array, by_pillow):
        assert shown["text/plain"] == "image 4500 × 2200"
        assert sum(len(data) for data in shown.values()) < 1.4 * pictures.MAX_PNG
    assert max(opened(by_array).size) <= pictures.MAX_SIDE
    assert max(opened(by_pillow, "image/jpeg").size) <= pictures.MAX_SIDE


def test_the_bytes_of_an_image_file_are_that_image_and_others_are_bytes() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, format="GIF")
    assert opened(bundle(buffer.getvalue()), "image/gif").size == (4, 4)
    assert set(bundle(b"neither")) == {"text/plain"}


def test_a_styled_table_keeps_its_colours_at_the_cells() -> None:
    frame = pd.DataFrame({"loss": [0.1, 9.0]})
    html = bundle(frame.style.highlight_max(color="gold"))["text/html"]
    assert '<td style="background-color: gold;" class="data row1 col0" >9.0' in html
    assert html.count("style=") == 1
    assert "<style" not in html
    assert len(bundle(pd.DataFrame({"a": range(5000)}).style)["text/html"]) < 20_000

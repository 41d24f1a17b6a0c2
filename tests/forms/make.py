"""Writes ``drawn.json``: ``python -m tests.forms.make``.

Forms as the browser gets them, each with ``filled``: what it holds before anybody has touched it. That is what authors
wrote as defaults, and nothing else. The front end's tests draw these very forms.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, create_model

from hitl_jupyter.forms import Form, choice_form, form_for
from tests.forms.samples import Address, Colour, Level

FILE = Path(__file__).with_name("drawn.json")

ONE_OF_MANY = [f"option {number}" for number in range(1, 13)]
SEVERAL_OF_MANY = [f"sample {number}" for number in range(1, 17)]


def forms() -> dict[str, tuple[Form, dict[str, Any]]]:
    """Each form by what it is, with what it holds untouched."""
    return {
        "one of few": (choice_form(["approve", "train again", "reject"]), {}),
        "one of many": (choice_form(ONE_OF_MANY), {}),
        "one of few, with a default": (choice_form(["a", "b"], default="b"), {"value": "b"}),
        "one of several types": (choice_form([1, "1", True, None]), {}),
        "several of few": (choice_form(["a", "b", "c"], multiple=True), {"value": []}),
        "several of many": (choice_form(SEVERAL_OF_MANY, multiple=True), {"value": []}),
        "several, with a default": (choice_form(["a", "b"], multiple=True, default=["b"]), {"value": ["b"]}),
        "several, one at least": (form_for(Annotated[list[Literal["a", "b"]], Field(min_length=1)]), {"value": []}),
        "several enum members": (form_for(list[Colour]), {"value": []}),
        "several or none": (form_for(list[Colour] | None), {"value": None}),
        "yes or no": (form_for(bool), {}),
        "yes or no, with a default": (form_for(Annotated[bool, Field(default=False)]), {"value": False}),
        "yes or no or neither": (form_for(bool | None), {"value": None}),
        "literal": (form_for(Literal["a", "b"]), {}),
        "literal of two types": (form_for(Literal["a", 1]), {}),
        "literal of one value": (form_for(Literal["only"]), {"value": "only"}),
        "enum": (form_for(Colour), {}),
        "enum of numbers": (form_for(Level), {}),
        "enum, with a default": (form_for(Annotated[Colour, Field(default=Colour.DARK_BLUE)]), {"value": "blue"}),
        "enum or none": (form_for(Colour | None), {"value": None}),
        "a field list": (
            form_for(
                [
                    {"name": "pick", "type": "enum", "options": ["a", "b"]},
                    {"name": "agreed", "type": "bool", "required": True},
                ]
            ),
            {},
        ),
        "nested": (form_for(_nested()), {"place": {"home": {"zip_code": "0"}}}),
    }


def _nested() -> Any:
    place = create_model("Place", home=(Address, ...), colour=(Colour, ...), open=(bool, ...))
    return create_model("M", place=(place, ...), level=(Level, ...))


def text() -> str:
    """What the file holds."""
    drawn = {
        name: {"schema": form.schema, "ui_schema": form.ui_schema, "initial": form.initial, "filled": filled}
        for name, (form, filled) in forms().items()
    }
    return json.dumps(drawn, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())

"""Types to make forms of, and how to look at a refusal."""

from __future__ import annotations

import typing
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, IntEnum
from typing import Annotated, Any

import pytest
import typing_extensions
from pydantic import BaseModel, EmailStr, Field, SecretStr

from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.forms import Form, Text, form_for


class Colour(Enum):
    RED = "red"
    DARK_BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    street: str
    zip_code: Annotated[str, Field(pattern="^[0-9]+$")] = "0"


class Login(BaseModel):
    user: str = "ada"
    token: SecretStr = SecretStr("hunter2-default")


class Email(BaseModel):
    """An e-mail to send."""

    subject: Annotated[str, Field(min_length=1)]
    body: Text = ""
    to_address: EmailStr
    colour: Colour = Colour.RED


class Node(BaseModel):
    name: str
    children: list[Node] = []


@dataclass
class Training:
    rounds: int
    rate: float = 0.1
    labels: list[str] = field(default_factory=list)


class Trip(typing.TypedDict, total=False):
    where: typing.Required[str]
    when: date
    hotel: Address


class Stay(typing_extensions.TypedDict):
    nights: int


def errors_of(form: Form, values: Any) -> dict[str, str]:
    """The refusal's errors, by field."""
    with pytest.raises(InvalidValues) as refused:
        form.check(values)
    return {error["field"]: error["message"] for error in refused.value.details["errors"]}


def property_of(spec: Any) -> dict[str, Any]:
    """The schema of the one field of a form whose type is no object."""
    shown: dict[str, Any] = form_for(spec).schema["properties"]["value"]
    return shown


def accepts(form: Form, values: Any) -> bool:
    """Whether the form's check takes these values."""
    try:
        form.check(values)
    except InvalidValues:
        return False
    return True

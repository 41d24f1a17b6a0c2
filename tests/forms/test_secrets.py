"""No secret gets out: not to the browser, not into a sentence, not past the mask."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, Secret, SecretStr, create_model, model_validator

from hitl_jupyter.forms import form_for, has_secrets, mask
from tests.forms.samples import (
    Address,
    Login,
    accepts,
    errors_of,
)

SECRET = "hunter2-Ω"  # the very thing that must not get out


@pytest.mark.parametrize(
    "kind",
    [
        SecretStr,
        SecretStr | None,
        Secret[str],
        Secret[Annotated[str, Field(min_length=2)]] | None,
        list[SecretStr],
        dict[str, SecretStr],
        tuple[int, SecretStr],
        Login,
        Login | None,
        list[Login],
        dict[str, Login | None],
        Address | Login,
        int | SecretStr,
        Annotated[str, Field(json_schema_extra={"writeOnly": True})],
    ],
)
def test_secrets_are_found_wherever_a_type_puts_them(kind: Any) -> None:
    form = form_for(create_model("M", it=(kind, ...), name=(str, "x")))
    assert has_secrets(form.schema)
    shapes = [
        SECRET, [SECRET], {"a": SECRET}, [1, SECRET], {"user": "ada", "token": SECRET}, [{"token": SECRET}],
        {"a": {"token": SECRET}},
    ]  # fmt: skip
    accepted = [shape for shape in shapes if accepts(form, {"it": shape})]
    assert accepted
    for shape in accepted:
        masked = mask({"it": shape, "name": "x"}, form.schema)
        assert SECRET not in json.dumps(masked, ensure_ascii=False)
        assert masked["name"] == "x"


def test_no_secret_is_in_what_the_browser_gets() -> None:
    class Account(BaseModel):
        login: Login = Login(token=SecretStr(SECRET))
        logins: list[Login] = [Login(token=SecretStr(SECRET))]
        token: Annotated[str, Field(json_schema_extra={"writeOnly": True})] = SECRET
        pin: Secret[int] = Secret(4711)

    for initial in (Account(), {"token": SECRET, "pin": 4711, "login": {"user": "bob", "token": SECRET}}):
        form = form_for(Account, initial=initial)
        shown = json.dumps([form.schema, form.ui_schema, form.fields, form.initial], ensure_ascii=False)
        assert SECRET not in shown
        assert "4711" not in shown
        assert "****" not in shown


def test_a_secret_left_empty_keeps_its_default() -> None:
    assert form_for(Login).check({}).token.get_secret_value() == "hunter2-default"


def test_a_sentence_of_the_authors_does_not_repeat_a_secret() -> None:
    class Careless(BaseModel):
        token: SecretStr

        @model_validator(mode="after")
        def check(self) -> Careless:
            raise ValueError(f"{self.token.get_secret_value()} is wrong")

    assert errors_of(form_for(Careless), {"token": SECRET}) == {"": "This value is not accepted."}


def test_a_secret_under_its_python_name_is_not_taken_where_its_schema_says_otherwise() -> None:
    config = ConfigDict(populate_by_name=True)
    model = create_model("M", __config__=config, token=(SecretStr, Field(alias="apiToken")))
    assert errors_of(form_for(model), {"token": SECRET}) == {"apiToken": "This is required."}

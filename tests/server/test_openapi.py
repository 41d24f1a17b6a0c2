from __future__ import annotations

import re
from typing import Any

import pytest

from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.server.extension import HitlExtension
from hitl_jupyter.server.openapi import document
from hitl_jupyter.server.routes import ROUTES
from hitl_jupyter.server.traits import HELP, limits_of
from tests.server.conftest import Api


@pytest.fixture
def settings() -> dict[str, Any]:
    return {"HitlExtension": {"max_viewers": 7, "cancel_seconds": 1.5, "warm_spares": False}}


async def test_the_document_has_exactly_the_routes_of_the_table(api: Api) -> None:
    reply = await api("GET", "hitl/openapi.json")
    documented = {(path, verb) for path, verbs in reply.json["paths"].items() for verb in verbs}
    in_table = {(f"/{route.path}", "get" if v == "WEBSOCKET" else v.lower()) for route in ROUTES for v in route.verbs}
    assert documented == in_table


def test_every_handler_answers_the_verbs_of_the_table_and_no_others() -> None:
    for route in ROUTES:
        own = {verb for verb in ("get", "post", "put", "patch", "delete") if verb in vars(route.handler)}
        assert own == {"get" if verb == "WEBSOCKET" else verb.lower() for verb in route.verbs}, route.path


def test_every_operation_says_what_it_does_and_what_it_replies() -> None:
    for path, verbs in document(ROUTES)["paths"].items():
        for verb, operation in verbs.items():
            assert operation["summary"].endswith("."), (path, verb)
            assert min(operation["responses"]) < "300", (path, verb)


def test_every_reference_in_the_document_leads_somewhere() -> None:
    whole = document(ROUTES)
    named = set(re.findall(r"#/components/schemas/(\w+)", repr(whole)))
    assert named - whole["components"]["schemas"].keys() == set()


def test_every_limit_is_a_trait_with_help_of_its_own() -> None:
    assert HELP.keys() == {*Limits.__struct_fields__}
    traits = HitlExtension.class_traits(config=True)
    assert traits.keys() >= HELP.keys()
    assert all(trait.help for name, trait in traits.items() if name in HELP)


def test_without_configuration_the_limits_are_the_defaults() -> None:
    assert limits_of(HitlExtension()) == Limits()


async def test_configured_limits_are_what_health_says(api: Api) -> None:
    limits = (await api("GET", "hitl/health")).json["limits"]
    assert (limits["max_viewers"], limits["cancel_seconds"], limits["max_warm_spares"]) == (7, 1.5, 0)

"""Which request a command means, and whether its values fit the request's JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import anyio.to_thread
import jsonschema
import msgspec
from jsonschema.protocols import Validator
from referencing import Registry

from hitl_jupyter.engine.hub import Viewer
from hitl_jupyter.engine.limits import Limits
from hitl_jupyter.errors import AlreadySettled, Expired, InvalidValues, Malformed, NotFound, UnclearTarget
from hitl_jupyter.protocol import KIND_OF_COMMAND, AnswerCommand, RequestResolved
from hitl_jupyter.snapshot import OpenRequest, Settled, Snapshot, find_open, kind_of


def _unique(
    _validator: Validator, wanted: bool, items: object, _schema: object
) -> Iterator[jsonschema.ValidationError]:
    """The library's own compares every two members, which for a long list is for ever."""
    if wanted and isinstance(items, list) and len(items) > len({_canonical(item) for item in items}):
        yield jsonschema.ValidationError("not unique")


# Patterns are left to the worker: a catastrophic one must hang the task that wrote it, not the server.
_SchemaValidator: type[Validator] = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator, {"pattern": None, "patternProperties": None, "uniqueItems": _unique}
)

_canonical = msgspec.json.Encoder(order="deterministic").encode

MAX_ERRORS = 100
"""Errors of one form that are told; who sends more has other troubles."""


def target(snapshot: Snapshot, command: AnswerCommand, viewer: Viewer | None, limits: Limits) -> OpenRequest | None:
    """The open request that ``command`` answers; None when it names one that is not open (any more).

    Raises
    ------
    UnclearTarget
        It names none, and not exactly one of its kind has been shown to this viewer for long enough.
    Malformed
        It names a request of another kind.
    """
    kind = KIND_OF_COMMAND[type(command)]
    if command.request_id is not None:
        request = find_open(snapshot, command.request_id)
        if request is not None and kind_of(request) != kind:
            raise Malformed(
                f"The request is answered by {kind_of(request)}, not by {kind}. Send a {kind_of(request)} message.",
                request_id=command.request_id,
            )
        return request
    if viewer is None:
        raise UnclearTarget("Name the request: send its request_id with the answer.")
    candidates = [request for request in snapshot.open_requests if kind_of(request) == kind]
    if len(candidates) != 1:
        raise UnclearTarget(
            f"{len(candidates)} open requests are answered by {kind}. Name one: send its request_id with the answer."
        )
    if viewer.shown_for(candidates[0].request_id or "") < limits.shown_seconds:
        raise UnclearTarget(
            f"The question has been shown here for less than {limits.shown_seconds} s, so the answer may have been "
            "meant for the one before. Send it again, or send its request_id."
        )
    return candidates[0]


def settled_error(settled: Settled | RequestResolved) -> AlreadySettled | Expired:
    """What the loser of a race learns: who, when and what."""
    facts = {
        "request_id": settled.request_id,
        "outcome": settled.outcome,
        "by": settled.by,
        "via": settled.via,
        "at": settled.at,
        "value": settled.value,
    }
    if settled.outcome == "expired":
        return Expired("The deadline of this question has passed, so it takes no answer any more.", **facts)
    who = settled.by or settled.via
    return AlreadySettled(f"This question was {settled.outcome} before, by {who}. Look at the session again.", **facts)


def unknown_request(request_id: str | None) -> NotFound:
    """The refusal for a request id that this session never had."""
    return NotFound("This session has no such request. Look at its open requests again.", request_id=request_id)


async def check_schema(schema: dict[str, Any], values: dict[str, Any]) -> None:
    """Hold values to a JSON Schema; raises ``InvalidValues`` with an error per field.

    In a thread: an answer of the allowed size can take seconds.
    """
    errors = await anyio.to_thread.run_sync(_schema_errors, schema, values)
    if errors:
        raise InvalidValues("Some fields are not valid. Correct them and send the form again.", errors=errors)


def _schema_errors(schema: dict[str, Any], values: dict[str, Any]) -> list[dict[str, str]]:
    try:
        found = list(islice(_SchemaValidator(schema, registry=Registry()).iter_errors(values), MAX_ERRORS))
    except Exception as error:  # of any kind: an unusable schema makes the library stumble anywhere
        # Its type only: the library's sentences repeat the values, which may be secret.
        sentence = f"The schema is not usable ({type(error).__name__}). Correct it in the task."
        return [{"field": "", "message": sentence}]
    found.sort(key=lambda error: [str(part) for part in error.absolute_path])
    return [_field_error(error) for error in found]


def _field_error(error: jsonschema.ValidationError) -> dict[str, str]:
    path = [str(part) for part in error.absolute_path]
    if error.validator == "required" and isinstance(error.instance, dict) and isinstance(error.validator_value, list):
        missing = next((name for name in error.validator_value if name not in error.instance), None)
        if missing is not None:
            return {"field": ".".join([*path, missing]), "message": "This field is required."}
    return {"field": ".".join(path), "message": _sentence(error)}


def _sentence(error: jsonschema.ValidationError) -> str:
    # The library's own sentences repeat the value, which may be a secret.
    rule, allowed = error.validator, error.validator_value
    sentences = {
        "type": f"This must be of type {allowed}.",
        "enum": f"This must be one of {allowed}.",
        "minimum": f"This must be at least {allowed}.",
        "maximum": f"This must be at most {allowed}.",
        "exclusiveMinimum": f"This must be more than {allowed}.",
        "exclusiveMaximum": f"This must be less than {allowed}.",
        "minLength": f"This must have at least {allowed} characters.",
        "maxLength": f"This must have at most {allowed} characters.",
        "minItems": f"Choose at least {allowed}.",
        "uniqueItems": "Each may be chosen once.",
        "maxItems": f"Choose at most {allowed}.",
        "additionalProperties": "There is a field that the form does not have.",
    }
    return sentences.get(str(rule), f"This does not fit the rule {rule}.")

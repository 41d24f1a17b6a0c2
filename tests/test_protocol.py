"""The wire: everything that is written is read back the same, and what is not of the contract is refused by name."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitl_jupyter.errors import Malformed
from hitl_jupyter.protocol import (
    KIND_OF_COMMAND,
    REQUEST_EVENTS,
    AnswerCommand,
    Cancel,
    Confirm,
    JournalEvent,
    ServerMessage,
    StartTask,
    StatusChanged,
    Stream,
    UserInput,
    decode_command,
    decode_events,
    decode_start,
    encode,
    split_batch,
)
from tests.support.wire import COMMAND_TYPES, EVENT_TYPES, SOCKET_TYPES, everythings, json_objects, texts

COMMAND_WITH_ITS_REQUIRED_FIELDS: dict[str, dict[str, Any]] = {
    "confirm": {"value": True},
    "user_input": {"values": {}},
    "retry": {"value": True},
    "cancel": {},
    "draft": {"request_id": "r", "values": {}},
}
message_decoder = msgspec.json.Decoder(ServerMessage)


def _tag(kind: Any) -> str:
    """The name that messages of this struct carry as their type."""
    return str(kind.__struct_config__.tag)


# -- round trips -------------------------------------------------------------------------------------------------------


@given(st.lists(everythings(*EVENT_TYPES), max_size=4))
def test_every_event_is_read_back_from_a_batch_as_it_was_written(events: list[JournalEvent]) -> None:
    assert decode_events(encode(events)) == events


@given(everythings(*EVENT_TYPES, *SOCKET_TYPES))
def test_every_message_of_a_socket_is_read_back_as_it_was_written(message: ServerMessage) -> None:
    assert message_decoder.decode(encode(message)) == message


@given(everythings(*COMMAND_TYPES))
def test_every_command_is_read_back_as_it_was_written(command: Any) -> None:
    assert decode_command(encode(command)) == command
    assert decode_command(encode(command).decode()) == command


@given(everythings(StartTask))
def test_every_start_is_read_back_as_it_was_written(start: StartTask) -> None:
    assert decode_start(encode(start)) == start


@given(everythings(*EVENT_TYPES))
def test_an_event_is_plain_json_with_its_type_and_the_fields_all_events_carry(event: JournalEvent) -> None:
    written = json.loads(encode(event))
    assert {"type", "session_id", "timestamp", "attempt"} <= set(written)
    assert ("seq" in written) is (event.seq is not msgspec.UNSET)


@given(st.lists(everythings(*EVENT_TYPES), max_size=4))
def test_the_pieces_of_a_batch_are_the_very_bytes_of_its_events(events: list[JournalEvent]) -> None:
    assert [bytes(piece) for piece in split_batch(encode(events))] == [encode(event) for event in events]


def test_the_type_of_every_message_names_one_struct() -> None:
    kinds = [*EVENT_TYPES, *SOCKET_TYPES]
    assert len({_tag(kind) for kind in kinds}) == len(kinds)


def test_each_kind_of_request_has_one_command_that_answers_it() -> None:
    assert set(KIND_OF_COMMAND) == set(AnswerCommand.__args__)
    assert {_tag(kind) for kind in KIND_OF_COMMAND} == set(KIND_OF_COMMAND.values())


def test_the_named_groups_of_events_are_events() -> None:
    assert set(REQUEST_EVENTS) < set(EVENT_TYPES)


# -- old journals ------------------------------------------------------------------------------------------------------


@given(everythings(*EVENT_TYPES), json_objects)
def test_an_event_with_fields_of_another_version_is_read_without_them(event: JournalEvent, extra: Any) -> None:
    written = json.loads(encode(event))
    unknown = {f"x_{name}": value for name, value in extra.items()}
    assert decode_events(json.dumps([{**unknown, **written}]).encode()) == [event]


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_what_all_events_carry_may_be_absent(kind: type[msgspec.Struct]) -> None:
    needed = {field.name for field in msgspec.structs.fields(kind) if field.required}
    assert not needed & {"session_id", "seq", "timestamp", "attempt"}


def test_an_unknown_event_is_an_error_and_not_a_silent_gap() -> None:
    with pytest.raises(msgspec.ValidationError, match="telepathy"):
        decode_events(b'[{"type": "telepathy"}]')


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMAND_WITH_ITS_REQUIRED_FIELDS)
def test_a_command_with_an_unknown_field_is_refused_by_the_fields_name(name: str) -> None:
    command = {"type": name, **COMMAND_WITH_ITS_REQUIRED_FIELDS[name]}
    decode_command(json.dumps(command))
    with pytest.raises(Malformed, match="reqest_id"):
        decode_command(json.dumps({**command, "reqest_id": "r"}))


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, field) for name, fields in COMMAND_WITH_ITS_REQUIRED_FIELDS.items() for field in fields],
)
def test_a_command_without_a_field_it_needs_is_refused_by_the_fields_name(name: str, field: str) -> None:
    command = {"type": name, **COMMAND_WITH_ITS_REQUIRED_FIELDS[name]}
    del command[field]
    with pytest.raises(Malformed, match=f"`{field}`"):
        decode_command(json.dumps(command))


def test_the_commands_of_this_test_are_all_there_are() -> None:
    assert {_tag(kind) for kind in COMMAND_TYPES} == set(COMMAND_WITH_ITS_REQUIRED_FIELDS)


def test_a_start_with_an_unknown_field_is_refused_by_the_fields_name() -> None:
    with pytest.raises(Malformed, match="parms"):
        decode_start(b'{"parms": {}}')
    with pytest.raises(Malformed, match="pyton"):
        decode_start(b'{"env": {"pyton": "python3"}}')


def test_an_empty_body_starts_a_task_of_the_servers_choice() -> None:
    assert decode_start(b"") == decode_start("") == StartTask()


MALFORMED = {
    "nothing": b"",
    "no JSON": b"confirm",
    "half a message": b'{"type": "confirm", "val',
    "two messages": b'{"type": "cancel"}{"type": "cancel"}',
    "a list": b'[{"type": "cancel"}]',
    "null": b"null",
    "no type": b'{"value": true}',
    "an unknown type": b'{"type": "approve", "value": true}',
    "a type that is no text": b'{"type": 7}',
    "an event of the server's": b'{"type": "task_completed", "values": null}',
    "a value of another type": b'{"type": "confirm", "value": "yes"}',
    "a number for a truth": b'{"type": "confirm", "value": 1}',
    "values that are no object": b'{"type": "user_input", "values": [1]}',
    "an empty request id": b'{"type": "confirm", "value": true, "request_id": ""}',
    "a long request id": b'{"type": "confirm", "value": true, "request_id": "' + b"r" * 129 + b'"}',
    "a long idempotency key": b'{"type": "cancel", "idempotency_key": "' + b"k" * 257 + b'"}',
    "invalid UTF-8": b'{"type": "user_input", "values": {"a": "\xff\xfe"}}',
    "invalid UTF-8 outside a text": b'{"type": "cancel"\xff}',
    "an overlong UTF-8 form": b'{"type": "user_input", "values": {"a": "\xc0\xaf"}}',
    "a lone surrogate in UTF-8": b'{"type": "user_input", "values": {"a": "\xed\xa0\x80"}}',
    "a lone surrogate, escaped": b'{"type": "user_input", "values": {"a": "\\ud800"}}',
    "a lone surrogate for a key": b'{"type": "user_input", "values": {"\\udc00": 1}}',
    "NaN": b'{"type": "user_input", "values": {"a": NaN}}',
    "infinity": b'{"type": "user_input", "values": {"a": -Infinity}}',
    "a number out of range": b'{"type": "user_input", "values": {"a": 1e999}}',
    "a byte order mark": b'\xef\xbb\xbf{"type": "cancel"}',
    "a null byte": b'{"type": "cancel"}\x00',
    "deep lists": b'{"type": "user_input", "values": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
    "deep objects": b'{"type": "user_input", "values": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "deep and unfinished": b"[" * 1_000_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_command_is_refused_as_malformed_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        decode_command(body)
    assert len(refused.value.message) < 1000
    json.dumps(refused.value.to_json())


def test_a_text_frame_with_a_lone_surrogate_is_malformed() -> None:
    with pytest.raises(Malformed):
        decode_command('{"type": "user_input", "values": {"a": "\ud800"}}')


@pytest.mark.parametrize("digits", [20, 400, 5_000, 1_000_000])
def test_a_huge_whole_number_is_a_number_or_malformed_and_can_be_written_again(digits: int) -> None:
    body = b'{"type": "user_input", "values": {"a": ' + b"9" * digits + b"}}"
    try:
        command = decode_command(body)
    except Malformed:
        return
    decode_command(encode(command))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_command_or_malformed(body: bytes) -> None:
    _decoded_or_malformed(body)


@given(everythings(*COMMAND_TYPES), st.data())
def test_a_damaged_command_is_a_command_or_malformed(command: Any, data: st.DataObject) -> None:
    body = bytearray(encode(command))
    at = data.draw(st.integers(0, len(body) - 1))
    body[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    _decoded_or_malformed(bytes(body))


@given(json_objects, texts)
def test_any_object_is_a_command_or_malformed(fields: Any, name: str) -> None:
    _decoded_or_malformed(json.dumps({**fields, "type": name}).encode())


def _decoded_or_malformed(body: bytes) -> None:
    with contextlib.suppress(Malformed):
        decode_command(body)


def test_the_sentence_of_a_refusal_names_the_field_and_the_next_step() -> None:
    with pytest.raises(Malformed, match=r"\$\.value.*openapi"):
        decode_command('{"type": "confirm", "value": "yes"}')


# -- defaults that clients rely on -------------------------------------------------------------------------------------


def test_the_proof_of_concepts_commands_are_enough() -> None:
    assert decode_command('{"type": "confirm", "value": false}') == Confirm(value=False)
    assert decode_command('{"type": "user_input", "values": {"subject": "a"}}') == UserInput(values={"subject": "a"})
    assert decode_command('{"type": "cancel"}') == Cancel(force=False)


def test_the_first_event_of_a_session_alone_carries_its_facts() -> None:
    assert "session" not in json.loads(encode(StatusChanged(status="running")))


def test_an_unnumbered_stream_line_has_no_seq_on_the_wire() -> None:
    assert "seq" not in json.loads(encode(Stream(content="a", transient=True)))

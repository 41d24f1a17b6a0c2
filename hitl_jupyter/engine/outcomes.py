"""First outcomes: what a command with an idempotency key came to, kept in the commit of its effect.

A key stands for one command. Sent again it gives the first outcome; sent with another command it is refused, for one
of the two was meant to have an effect. A key belongs to whoever sent it: no one is given another's outcome by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection

import msgspec
from msgspec.structs import replace

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.errors import KeyReused
from hitl_jupyter.journal.contract import CommandRow, Journal
from hitl_jupyter.protocol import AnswerCommand, Cancel, UserInput, encode


class _Kept(msgspec.Struct):
    content: str = ""
    reply: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(_Kept)


def scope_of(session_id: str, actor: Actor) -> str:
    """Where the keys count that this actor sends to a session."""
    return f"{session_id} {actor.owner}"


def digest(content: object) -> str:
    """What two commands with the same content have in common."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def content_of(command: AnswerCommand | Cancel) -> str:
    """A command's content: all of it but the key."""
    return digest(replace(command, idempotency_key=None))


def target_of(command: AnswerCommand | Cancel) -> str:
    """The same without a form's values: no digest of a secret is kept, for a short one can be guessed from it."""
    return content_of(replace(command, values={}) if isinstance(command, UserInput) else command)


async def first_outcome(journal: Journal, scope: str, key: str | None, contents: Collection[str]) -> bytes | None:
    """The reply (JSON) that was given to this key before, if it was.

    Raises
    ------
    KeyReused
        It was given to a command of none of these contents.
    """
    row = None if key is None else await journal.command(scope, key)
    if row is None:
        return None
    kept = _decoder.decode(row.reply)
    if not kept.content:  # kept before contents were
        return row.reply
    if kept.content not in contents:
        raise KeyReused(
            "This idempotency key was used before, for another command or with other content, which was carried out. "
            "Send this one with a key of its own.",
            key=key,
        )
    return bytes(kept.reply)


def outcome_row(scope: str, key: str | None, content: str, reply: object, at: float) -> CommandRow | None:
    """What is written beside a command's effect; None where the command has no key."""
    if key is None:
        return None
    kept = _Kept(content=content, reply=msgspec.Raw(encode(reply)))
    return CommandRow(scope=scope, key=key, reply=encode(kept), at=at)

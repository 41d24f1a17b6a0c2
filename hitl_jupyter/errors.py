"""Every error of the product: one root, one sentence each, and a stable code.

An error knows its ``code`` (stable, for programs), its sentence (for people, ending in the next step) and the HTTP
status that fits it; it knows nothing of the transport. The edges turn any :class:`HitlError` into JSON with
:meth:`HitlError.to_json`; nothing else maps errors to replies.
"""

from __future__ import annotations

from typing import Any, ClassVar


class HitlError(Exception):
    """Root of all errors of hitl_jupyter.

    Parameters
    ----------
    message : str
        One sentence that says what happened and what to do next.
    **details : Any
        JSON-able facts that travel beside the message (for example ``by``, ``at``, ``errors``).

    Examples
    --------
    >>> error = AlreadySettled("Ada answered this first.", by="Ada", at=0.0, value=True)
    >>> error.code, error.status_hint, error.to_json()["by"]
    ('already_settled', 409, 'Ada')
    """

    code: ClassVar[str] = "error"
    status_hint: ClassVar[int] = 500

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.details)

    def __str__(self) -> str:
        return self.message

    def to_json(self) -> dict[str, Any]:
        """The reply's body: ``{code, message, **details}``."""
        return {"code": self.code, "message": self.message, **self.details}


def _rebuild(kind: type[HitlError], message: str, details: dict[str, Any]) -> HitlError:
    return kind(message, **details)


# -- refusals: something was asked for that is not done; nothing has changed ---------------------------------------


class Malformed(HitlError):
    """Raised when a message is not JSON, or not of the shape the contract names."""

    code = "malformed"
    status_hint = 400


class Forbidden(HitlError):
    """Raised when the caller is known but may not do this."""

    code = "forbidden"
    status_hint = 403


class NotFound(HitlError):
    """Raised for an unknown session or request, and for one that belongs to somebody else."""

    code = "not_found"
    status_hint = 404


class AlreadySettled(HitlError):
    """Raised when a request has been settled before; carries ``outcome``, ``by``, ``via``, ``at`` and ``value``."""

    code = "already_settled"
    status_hint = 409


class WrongState(HitlError):
    """Raised when the session's status does not allow what was asked; carries ``status``."""

    code = "wrong_state"
    status_hint = 409


class KeyConflict(HitlError):
    """Raised when a live session holds the same key with other code or parameters; carries ``session_id``."""

    code = "key_conflict"
    status_hint = 409


class KeyReused(HitlError):
    """Raised when an idempotency key comes with another command than the one it was first used for."""

    code = "key_reused"
    status_hint = 422


class UnclearTarget(HitlError):
    """Raised when a command without a ``request_id`` fits no open request, or several, or one shown too briefly."""

    code = "unclear_target"
    status_hint = 409


class Expired(HitlError):
    """Raised when the request's deadline settled it before the answer came."""

    code = "expired"
    status_hint = 410


class TooLarge(HitlError):
    """Raised when something is over a declared limit; carries ``limit`` (its name), ``allowed`` and ``size``."""

    code = "too_large"
    status_hint = 413


class InvalidValues(HitlError):
    """Raised when an answer or a parameter does not validate; carries ``errors``: ``[{field, message}, …]``.

    ``field`` is a path in dots (``"address.street"``), and the empty string where the whole is meant.
    """

    code = "invalid_values"
    status_hint = 422


class LimitReached(HitlError):
    """Raised when a count limit (sessions, viewers, open requests, starts) is used up; carries ``limit``."""

    code = "limit_reached"
    status_hint = 429


class WorkerUnavailable(HitlError):
    """Raised when the worker that has to check an answer did not reply in time; the request stays open."""

    code = "validator_unavailable"
    status_hint = 503


class LaunchFailed(HitlError):
    """Raised when no worker process could be started."""

    code = "launch_failed"
    status_hint = 503


class StoreUnavailable(HitlError):
    """Raised when the journal cannot write now; nothing was acknowledged, the same call may be sent again."""

    code = "store_unavailable"
    status_hint = 503


class StoreHeld(StoreUnavailable):
    """Raised when another process has the journal; carries ``holder``, who that is, and ``pid`` if it is known."""

    code = "store_held"


class StoreFull(HitlError):
    """Raised when the disk that holds the journal is full."""

    code = "store_full"
    status_hint = 507


class StoreDamaged(HitlError):
    """Raised when the journal's file is damaged, foreign, or of a newer version than this one."""

    code = "store_damaged"
    status_hint = 503


# -- in a kernel: what the Python API raises -----------------------------------------------------------------------


class NoServer(HitlError):
    """Raised when no Jupyter server with the hitl_jupyter extension is in reach of this kernel."""

    code = "no_server"
    status_hint = 503


class SeveralServers(HitlError):
    """Raised in a terminal where several servers are in reach and nothing says which; carries ``servers``."""

    code = "several_servers"
    status_hint = 409


class VersionMismatch(HitlError):
    """Raised when kernel and server have versions of hitl_jupyter that do not understand each other."""

    code = "version_mismatch"
    status_hint = 409


class NotShippable(HitlError):
    """Raised when a task or an argument cannot be pickled and so cannot be sent to a worker."""

    code = "not_shippable"
    status_hint = 422


class TaskFailed(HitlError):
    """Raised by ``session.result()`` when the task failed; carries ``error_type`` and ``traceback``."""

    code = "task_failed"
    status_hint = 409


class TaskCancelled(HitlError):
    """Raised by ``session.result()`` when the task was cancelled; carries ``reason`` and ``by``."""

    code = "task_cancelled"
    status_hint = 409


class NoAnswer(HitlError):
    """Raised where nobody is there to ask and no scripted answer fits; carries ``key``, ``question`` and ``schema``.

    A function among the scripted answers raises it to leave a question to the next ones, or to the person.

    Examples
    --------
    >>> raise NoAnswer
    Traceback (most recent call last):
    ...
    hitl_jupyter.errors.NoAnswer: This question is left to others.
    """

    code = "no_answer"
    status_hint = 409

    def __init__(self, message: str = "This question is left to others.", **details: Any) -> None:
        super().__init__(message, **details)


class AnswersOutdated(HitlError):
    """Raised when a recorded answer's question asks for something else now; carries ``key``, ``file``, ``changes``."""

    code = "answers_outdated"
    status_hint = 409


class AnswersUnused(HitlError):
    """Raised at the end of a strict ``with hitl.answers(…)`` with answers nobody asked for; carries ``unused``."""

    code = "answers_unused"
    status_hint = 409


class ResultUnavailable(HitlError):
    """Raised by ``session.result()`` when the result was kept as JSON only, because it could not be pickled."""

    code = "result_unavailable"
    status_hint = 404


# -- in a task: how an author ends or bends the flow ----------------------------------------------------------------


class NotConfirmed(HitlError):
    """Raise it in a task to end the session as declined: cancelled with reason ``not_confirmed``, never retried.

    Examples
    --------
    >>> raise NotConfirmed
    Traceback (most recent call last):
    ...
    hitl_jupyter.errors.NotConfirmed: The person did not confirm.
    """

    code = "not_confirmed"
    status_hint = 409

    def __init__(self, message: str = "The person did not confirm.", **details: Any) -> None:
        super().__init__(message, **details)


class DeadlineExpired(HitlError):
    """Raised inside a task when a request with ``on_deadline="fail"`` was not answered in time."""

    code = "deadline_expired"
    status_hint = 410


class ReplayMismatch(HitlError):
    """Raised inside a durable task that runs again and calls something else than before; carries ``before``, ``now``.

    A retry that asks all anew begins without a record, and so without this error.
    """

    code = "replay_mismatch"
    status_hint = 409


class Cancelled(BaseException):
    """Raised inside a ``def`` task at its next ``ctx`` call once somebody cancelled it.

    A ``BaseException``, like ``KeyboardInterrupt``, so that ``except Exception`` in a task does not swallow it.
    An ``async def`` task gets its event loop's own cancellation instead.
    """

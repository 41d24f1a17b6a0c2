"""Answers the host's ``Validate`` with the check of the question itself."""

from __future__ import annotations

from hitl_jupyter.author.tracebacks import error_text
from hitl_jupyter.errors import InvalidValues
from hitl_jupyter.link.messages import Validate, Validated
from hitl_jupyter.worker.channel import WorkerChannel


def validate(channel: WorkerChannel, message: Validate) -> Validated:
    """The values as they are to be journaled, or an error per field. Runs the author's code; never raises."""
    try:
        check = channel.check_of(message.request_id)
        if check is not None:
            check(message.values)
    except KeyError:
        return _refused(message, "This question is no longer open.")
    except InvalidValues as error:
        errors = error.details.get("errors") or [{"field": "", "message": error.message}]
        return Validated(call=message.call, errors=errors)
    except Exception as error:  # the author's own check failed: the person has to know, the task goes on waiting
        return _refused(message, f"The check of this form failed: {type(error).__name__}: {error_text(error)}")
    return Validated(call=message.call, values=message.values)


def _refused(message: Validate, sentence: str) -> Validated:
    return Validated(call=message.call, errors=[{"field": "", "message": sentence}])

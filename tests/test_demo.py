"""The demo tasks, run over a channel that is a list, by somebody who answers from a script."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future
from typing import Any

import pytest

import hitl_jupyter as hitl
from hitl_jupyter.author.channel import Answer, Check, Question
from hitl_jupyter.demo import long_running_task, simulate_streaming
from hitl_jupyter.link.messages import WorkerEvent
from hitl_jupyter.protocol import Progress, RequestConfirmation, RequestUserInput, Stream, TaskFailed

EMAIL = {"subject": "Minutes", "body": "In the folder.\nSee there.", "to_address": "ada@example.org"}
STEPS = [f"Processing email step {step}/5..." for step in range(1, 6)]

pytestmark = pytest.mark.anyio


class Listener:
    """A channel that keeps what it is told, and answers each question at once."""

    cancelled = False

    def __init__(self, form: Any = None, retry: bool = True, confirm: bool = True) -> None:
        self.told: list[WorkerEvent] = []
        self._answers: dict[type[Question], Any] = {
            RequestUserInput: form or EMAIL,
            TaskFailed: retry,
            RequestConfirmation: confirm,
        }

    def emit(self, event: WorkerEvent) -> None:
        self.told.append(event)

    def ask(self, question: Question, check: Check | None = None) -> Future[Answer]:
        self.told.append(question)
        value = self._answers[type(question)]
        if check is not None:
            check(value)
        answered: Future[Answer] = Future()
        answered.set_result(Answer(outcome="answered", value=value))
        return answered

    def wait_cancelled(self, seconds: float) -> bool:
        return self.cancelled

    @property
    def streamed(self) -> list[str]:
        return [event.content for event in self.told if isinstance(event, Stream)]

    def asked(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]


async def send(listener: Listener, max_retries: int = 2) -> Any:
    context = hitl.Context(listener, max_retries=max_retries)
    return await long_running_task(context, step_seconds=0)


async def test_the_email_asks_works_fails_retries_confirms_and_returns_the_forms_values() -> None:
    listener = Listener()
    assert await send(listener) == EMAIL
    questions = [type(e) for e in listener.told if isinstance(e, RequestUserInput | RequestConfirmation | TaskFailed)]
    assert questions == [RequestUserInput, TaskFailed, RequestConfirmation]
    assert listener.streamed == [*STEPS, "E-mail sent to ada@example.org."]


async def test_the_form_has_the_three_fields_and_keeps_its_key() -> None:
    listener = Listener()
    await send(listener)
    (form,) = listener.asked(RequestUserInput)
    assert form.key == "compose"
    assert [(field["name"], field["type"]) for field in form.fields] == [
        ("subject", "string"),
        ("body", "text"),
        ("to_address", "string"),
    ]
    assert form.schema["required"] == ["subject", "body", "to_address"]


async def test_an_empty_form_is_refused() -> None:
    with pytest.raises(hitl.InvalidValues):
        await send(Listener(form={"subject": "Minutes"}))


async def test_only_the_failing_part_is_repeated() -> None:
    listener = Listener()
    await send(listener)
    (failure,) = listener.asked(TaskFailed)
    assert (failure.error_type, failure.can_retry, failure.ends_attempt) == ("ConnectionError", True, False)
    assert listener.streamed.count(STEPS[0]) == 1


async def test_a_declined_retry_ends_with_the_error() -> None:
    with pytest.raises(ConnectionError, match="Simulated failure"):
        await send(Listener(retry=False))


async def test_without_retries_left_nothing_is_offered() -> None:
    listener = Listener()
    with pytest.raises(ConnectionError, match="Simulated failure"):
        await send(listener, max_retries=0)
    assert not listener.asked(TaskFailed)


async def test_declining_streams_its_last_line_and_ends_as_not_confirmed() -> None:
    listener = Listener(confirm=False)
    with pytest.raises(hitl.NotConfirmed):
        await send(listener)
    assert listener.streamed[-1] == "Task cancelled by user."
    (question,) = listener.asked(RequestConfirmation)
    assert (question.key, question.message) == ("send", "Send the e-mail to ada@example.org?")


async def test_the_stream_simulation_streams_its_lines_with_progress_and_asks_nothing() -> None:
    listener = Listener()
    assert await simulate_streaming(hitl.Context(listener), lines=3, line_seconds=0) == {"lines": 3}
    assert listener.streamed == [f"Streaming message {line} of 3" for line in (1, 2, 3)]
    last = [event for event in listener.told if isinstance(event, Progress)][-1]
    assert (last.done, last.total) == (3, 3)


def test_the_tasks_are_named_and_retried_as_the_demo_says() -> None:
    assert (long_running_task.name, long_running_task.max_retries) == ("long_running_task", 2)
    assert (simulate_streaming.name, simulate_streaming.max_retries) == ("simulate_streaming", 0)


def test_importing_the_demo_loads_nothing_heavy() -> None:
    look = "import sys, hitl_jupyter.demo; print([m for m in ('pydantic', 'IPython', 'tornado') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

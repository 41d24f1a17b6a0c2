"""The context of an ``async def`` task: what it is handed to talk to people."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

from hitl_jupyter.author.calls import Kept, inside_step
from hitl_jupyter.author.core import NOBODY, UNSET, Core, Deadline
from hitl_jupyter.author.heavy import heavy
from hitl_jupyter.author.recall import Pending
from hitl_jupyter.protocol import OnDeadline


class Context(Core):
    """What an ``async def`` task talks through.

    Cancelling the session cancels the task's coroutine, as any cancellation of asyncio.
    """

    main: Any = None
    """The task's coroutine, once it runs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: set[asyncio.Task[Any] | None] = set()

    async def ask(
        self,
        spec: Any,
        message: str = "",
        *,
        key: str | None = None,
        initial: Any = None,
        show: Any = None,
        default: Any = UNSET,
        deadline: Deadline = None,
        on_deadline: OnDeadline = "keep",
        assignees: Sequence[str] = (),
    ) -> Any:
        """Ask for a form, and wait until somebody has filled it in.

        The values are checked in Python before the task goes on; what does not validate is refused with an error per
        field, and the question stays open.

        Parameters
        ----------
        spec : type or list
            A pydantic model, dataclass, ``TypedDict``, ``Enum``, ``Literal`` or builtin type, or a list of
            ``{name, description, type, value}``.
        message : str
            What is asked.
        key : str, optional
            Names the question, so that a later attempt reuses the answer although the message changed.
        initial : Any, optional
            What the form is filled with at first.
        show : Any, optional
            Evidence beside the question: an object or a list of them (tables, figures, images, Markdown).
        default : Any, optional
            What is returned after the deadline with ``on_deadline="default"``.
        deadline : float, timedelta or datetime, optional
            Until when an answer is wanted; seconds count from now. It never limits the task itself.
        on_deadline : {"keep", "fail", "default"}
            Then: go on waiting, visibly; raise :class:`DeadlineExpired`; or return ``default``.
        assignees : sequence of str
            Who may answer; nobody named means everybody who may see the session.

        Returns
        -------
        Any
            The model's or dataclass's instance, the builtin's value, or a dict for a list of fields.

        Raises
        ------
        DeadlineExpired
            With ``on_deadline="fail"``, when nobody answered in time.
        WrongState
            The question was withdrawn, or asked again under the same key.

        Examples
        --------
        >>> rate = await ctx.ask(float, "Learning rate?", initial=0.1)  # doctest: +SKIP
        """
        form = heavy("hitl_jupyter.forms").form_for(spec, initial=initial)
        return await self._wait(self._form(form, message, key, show, default, deadline, on_deadline, assignees))

    async def confirm(
        self,
        message: str,
        *,
        key: str | None = None,
        show: Any = None,
        default: bool | None = None,
        deadline: Deadline = None,
        on_deadline: OnDeadline = "keep",
        assignees: Sequence[str] = (),
    ) -> bool:
        """Ask yes or no, and wait for it.

        Parameters
        ----------
        message : str
            What is asked; the other parameters are those of :meth:`ask`.
        default : bool, optional
            What is preselected, and what counts after the deadline with ``on_deadline="default"``.

        Examples
        --------
        >>> if not await ctx.confirm("Deploy?", show=[metrics, figure]):  # doctest: +SKIP
        ...     raise hitl.NotConfirmed
        """
        pending = self._confirmation(message, key, show, default, deadline, on_deadline, assignees)
        return bool(await self._wait(pending))

    async def choose(
        self,
        message: str,
        options: Iterable[Any] | Mapping[str, Any],
        *,
        key: str | None = None,
        multiple: bool = False,
        initial: Any = None,
        show: Any = None,
        default: Any = UNSET,
        deadline: Deadline = None,
        on_deadline: OnDeadline = "keep",
        assignees: Sequence[str] = (),
    ) -> Any:
        """Ask for one of the options, or with ``multiple=True`` for any number of them.

        Parameters
        ----------
        message : str
            What is asked; the other parameters are those of :meth:`ask`.
        options : iterable or mapping
            Values, an ``Enum``, or ``{label: value}``.
        initial : Any, optional
            The option (with ``multiple``: the list of options) that is selected at first.
        multiple : bool
            Whether any number may be chosen; then a list is returned.

        Examples
        --------
        >>> model = await ctx.choose("Which one?", ["forest", "boosting"])  # doctest: +SKIP
        """
        form = heavy("hitl_jupyter.forms").choice_form(options, multiple=multiple, default=initial)
        return await self._wait(self._form(form, message, key, show, default, deadline, on_deadline, assignees))

    async def retry(self, error: BaseException) -> bool:
        """Offer a failure for retry: true if the failing part should be tried again.

        Nothing is asked, and it is false, once ``max_retries`` of the task are used up. If it is false, let the error
        leave the task: the session then ends as failed without another offer.

        Parameters
        ----------
        error : BaseException
            What went wrong; it is shown with its traceback.

        Examples
        --------
        >>> try:  # doctest: +SKIP
        ...     upload()
        ... except OSError as error:
        ...     if not await ctx.retry(error):
        ...         raise
        """
        return bool(await self._wait(self._retry(error)))

    async def step(self, function: Callable[..., Any], /, *args: Any, key: str | None = None, **kwargs: Any) -> Any:
        """Call a function, and keep its result; await it.

        In a durable task a finished step is never taken again: when the task runs again from its top, because its
        process was lost or let go while it waited for a person, the step gives its kept result, or raises what it
        raised. A retry that reuses answers takes over the steps that have a key and gave something. Elsewhere the
        function is simply called. Put whatever must not happen twice, or takes long, into a step.

        Parameters
        ----------
        function : callable
            ``async def`` or ``def``; a ``def`` blocks the other coroutines of the task, as any. It may stream and show
            progress, but not ask.
        *args, **kwargs
            What it is called with. They are not compared when the task runs again.
        key : str, optional
            Names the step. Needed where the order of a task's calls may change, as in branches that run at the same
            time, or when the code is changed while sessions wait.

        Returns
        -------
        Any
            What the function returned. In a durable task it has to be picklable.

        Raises
        ------
        NotShippable
            The task is durable, and the result cannot be pickled.
        StoreUnavailable
            The result could not be kept.
        ReplayMismatch
            The task ran before, and made another call here.

        Notes
        -----
        What a step does may happen again if its process ends before it has returned: give what is outside, a payment
        say, an idempotency key. The idea is that of durable execution as in Temporal's activities and DBOS's steps.

        Examples
        --------
        >>> model = await ctx.step(train, data, key="train")  # doctest: +SKIP
        """
        step = self._begin_step(function, key)
        if step.kept is not None:
            return step.kept.give()
        try:
            with self._idle.working(), inside_step(step.name):
                value = function(*args, **kwargs)
                if inspect.isawaitable(value):
                    value = await value
        except Exception as error:  # that is what it came to: when the task runs again it raises the same
            self._finish_step(step, Kept(error=error))
            raise
        self._finish_step(step, Kept(value))
        return value

    async def sleep(self, seconds: float) -> None:
        """Pause for so many seconds; other coroutines of the task run meanwhile."""
        with self._idle.working():
            await asyncio.sleep(self._clock.pause(seconds))

    async def check_cancelled(self) -> None:
        """Stop here if somebody cancelled the task: for long computations that make no other call of the context."""
        await asyncio.sleep(0)

    async def _wait(self, pending: Pending) -> Any:
        if pending.withdrawn:
            await asyncio.get_running_loop().create_future()
        if pending.question is None:
            return pending.settle(NOBODY)
        task = asyncio.current_task()
        self._waiting.add(task)
        try:
            with self._idle.waiting():
                # Cancelling the coroutine cancels the wrapped future, and with it the question.
                answer = await asyncio.wrap_future(self._ask(pending))
        finally:
            self._waiting.discard(task)
        return pending.settle(answer)

    @property
    def waiting(self) -> int:
        """How many calls wait for a person."""
        return len(self._waiting)

    def only_waits(self) -> bool:
        """Whether the task does nothing but wait for people; ask in its event loop.

        Careful rather than complete: coroutines that wait for others in ways that are not seen here count as busy.
        """
        loop = asyncio.get_running_loop()
        tasks = asyncio.all_tasks(loop)
        main = [task for task in tasks if task.get_coro() is self.main]
        others = tasks.difference(main)
        if getattr(loop, "_scheduled", ()) or not others <= self._waiting:
            return False
        return all(task in self._waiting or _gathers(task, others) for task in main)


def _gathers(task: asyncio.Task[Any], others: Set[asyncio.Task[Any]]) -> bool:
    """Whether a coroutine waits for others of these, and for nothing else."""
    waited = getattr(task, "_fut_waiter", None)
    children = getattr(waited, "_children", ())
    return waited in others or (bool(children) and all(child.done() or child in others for child in children))

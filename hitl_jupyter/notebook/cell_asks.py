"""Questions in a cell, without a task: the cell waits until somebody has answered, wherever they do.

Each is a run in the kernel, whose only work is to ask; so it is journaled, shown and answered as any question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hitl_jupyter.author.core import UNSET, Deadline, check_default
from hitl_jupyter.forms import choice_form, form_for
from hitl_jupyter.notebook.cell_ask import CellAsk
from hitl_jupyter.protocol import OnDeadline


def confirm(
    message: str,
    *,
    key: str | None = None,
    show: Any = None,
    default: bool | None = None,
    deadline: Deadline = None,
    on_deadline: OnDeadline = "keep",
    assignees: Sequence[str] = (),
) -> bool:
    """Ask yes or no in a cell, and wait for it.

    The question stands in the cell's output, in JupyterLab's panel and in the server's inbox, and is answered in any of
    them while the cell waits. Interrupting the kernel ends the wait and withdraws the question; after a restart, run
    the cell again. Where nobody is there, the answer comes from :func:`hitl_jupyter.answers`.

    Parameters
    ----------
    message : str
        What is asked.
    key : str, optional
        Names the question, for scripted and recorded answers.
    show : Any, optional
        Evidence beside the question: an object or a list of them (tables, figures, images, Markdown).
    default : bool, optional
        What is preselected, and what counts after the deadline with ``on_deadline="default"``.
    deadline : float, timedelta or datetime, optional
        Until when an answer is wanted; seconds count from now.
    on_deadline : {"keep", "fail", "default"}
        Then: go on waiting, visibly; raise :class:`DeadlineExpired`; or return ``default``.
    assignees : sequence of str
        Who may answer; nobody named means everybody who may see your sessions.

    Raises
    ------
    KeyboardInterrupt
        The kernel was interrupted. The question is withdrawn.
    TaskCancelled
        Somebody withdrew the question.
    DeadlineExpired
        With ``on_deadline="fail"``, when nobody answered in time.
    NoAnswer
        Nobody is there to ask, and no scripted answer fits.

    Examples
    --------
    With the rows in question beside it::

        if hitl.confirm("Drop 1,203 rows?", show=bad_rows):
            frame = frame.drop(bad_rows.index)
    """
    options = _options(
        key=key, show=show, default=default, deadline=deadline, on_deadline=on_deadline, assignees=assignees
    )
    return bool(_confirmation(message, options).wait())


def ask(
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
    """Ask for a form in a cell, and wait until somebody has filled it in; see :func:`confirm` for where and how.

    Parameters
    ----------
    spec : type or list
        A pydantic model, dataclass, ``TypedDict``, ``Enum``, ``Literal`` or builtin type, or a list of
        ``{name, description, type, value}``.
    message : str
        What is asked; parameters that are not named here are those of :func:`confirm`.
    initial : Any, optional
        What the form is filled with at first.
    default : Any, optional
        What is returned after the deadline with ``on_deadline="default"``.

    Returns
    -------
    Any
        The model's or dataclass's instance, the builtin's value, or a dict for a list of fields.

    Examples
    --------
    The parameters of what follows::

        params = hitl.ask(TrainParams, "How shall it be trained?")
        model = train(frame, params)
    """
    options = _options(
        key=key, show=show, default=default, deadline=deadline, on_deadline=on_deadline, assignees=assignees
    )
    return _form(spec, message, initial, options).wait()


def choose(
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
    """Ask in a cell for one of the options, or with ``multiple=True`` for any number of them, and wait for it.

    Parameters
    ----------
    message : str
        What is asked; parameters that are not named here are those of :func:`confirm`.
    options : iterable or mapping
        Values, an ``Enum``, or ``{label: value}``.
    multiple : bool
        Whether any number may be chosen; then a list is returned.
    initial : Any, optional
        The option (with ``multiple``: the list of options) that is selected at first.

    Examples
    --------
    A label for an image::

        label = hitl.choose("Which is right?", ["cat", "dog"], show=image)
    """
    said = _options(
        key=key, show=show, default=default, deadline=deadline, on_deadline=on_deadline, assignees=assignees
    )
    return _choice(message, options, multiple, initial, said).wait()


async def aconfirm(
    message: str,
    *,
    key: str | None = None,
    show: Any = None,
    default: bool | None = None,
    deadline: Deadline = None,
    on_deadline: OnDeadline = "keep",
    assignees: Sequence[str] = (),
) -> bool:
    """:func:`confirm` for ``await``: other coroutines of the kernel go on meanwhile.

    Examples
    --------
    Two questions at once::

        drop, fill = await asyncio.gather(hitl.aconfirm("Drop?", key="drop"), hitl.aconfirm("Fill?", key="fill"))
    """
    options = _options(
        key=key, show=show, default=default, deadline=deadline, on_deadline=on_deadline, assignees=assignees
    )
    return bool(await _confirmation(message, options).wait_async())


async def aask(
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
    """:func:`ask` for ``await``: other coroutines of the kernel go on meanwhile.

    Examples
    --------
    In an ``async`` cell::

        params = await hitl.aask(TrainParams)
    """
    options = _options(
        key=key, show=show, default=default, deadline=deadline, on_deadline=on_deadline, assignees=assignees
    )
    return await _form(spec, message, initial, options).wait_async()


async def achoose(
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
    """:func:`choose` for ``await``: other coroutines of the kernel go on meanwhile.

    Examples
    --------
    In an ``async`` cell::

        label = await hitl.achoose("Which is right?", ["cat", "dog"], show=image)
    """
    said = _options(
        key=key, show=show, default=default, deadline=deadline, on_deadline=on_deadline, assignees=assignees
    )
    return await _choice(message, options, multiple, initial, said).wait_async()


# -- what is wrong with a question itself is told before anything is started ------------------------------------------


def _options(
    key: str | None, show: Any, default: Any, deadline: Deadline, on_deadline: OnDeadline, assignees: Sequence[str]
) -> dict[str, Any]:
    """What all questions have in common, by name."""
    common = {"key": key, "show": show, "default": default}
    return common | {"deadline": deadline, "on_deadline": on_deadline, "assignees": assignees}


def _confirmation(message: str, options: dict[str, Any]) -> CellAsk:
    check_default(options["on_deadline"], options["default"] is not None)
    return CellAsk("confirm", str(message), lambda ctx: ctx.confirm(message, **options))


def _form(spec: Any, message: str, initial: Any, options: dict[str, Any]) -> CellAsk:
    check_default(options["on_deadline"], options["default"] is not UNSET)
    form = form_for(spec, initial=initial)
    title = str(message) or str(form.schema.get("title") or options["key"] or "")
    return CellAsk("ask", title, lambda ctx: ctx.ask(spec, message, initial=initial, **options))


def _choice(
    message: str,
    options: Iterable[Any] | Mapping[str, Any],
    multiple: bool,
    initial: Any,
    said: dict[str, Any],
) -> CellAsk:
    check_default(said["on_deadline"], said["default"] is not UNSET)
    listed = options if isinstance(options, (Mapping, type)) else list(options)  # it is looked at twice
    choice_form(listed, multiple=multiple, default=initial)
    return CellAsk(
        "choose", str(message), lambda ctx: ctx.choose(message, listed, multiple=multiple, initial=initial, **said)
    )

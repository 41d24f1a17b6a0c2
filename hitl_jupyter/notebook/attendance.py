"""Whether somebody is there to answer.

Nobody is where nbclient, nbval or papermill run the notebook, and where a script is no interactive one. A server that
such a run happens to find, because a kernel or a hub gave it the variables, belongs to people who did not start it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hitl_jupyter.errors import Malformed
from hitl_jupyter.link.bootstrap import MARKER
from hitl_jupyter.notebook.kernel import running_request, running_shell, vscode_notebook

UNATTENDED_VARIABLE = "HITL_JUPYTER_UNATTENDED"
ASK_VARIABLE = "HITL_JUPYTER_ASK"
URL_VARIABLE = "HITL_JUPYTER_URL"

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


class _Known:
    """What was said, and what the last cell's request told."""

    said: bool | None = None
    seen: bool | None = None


_known = _Known()


def unattended(value: bool | None = True) -> None:
    """Say whether this run is unattended, where that should not be found out.

    In an unattended run nobody is asked: answers come from a script or a recording, sessions live in this process and
    end with it, and showing a session waits for its end.

    Parameters
    ----------
    value : bool or None
        True: nobody is there. False: somebody is. None: find out, as before anything was said.

    Examples
    --------
    In the first cell of a notebook that must never ask, wherever it runs::

        hitl.unattended()

    >>> unattended(True), is_unattended()
    (None, True)
    >>> unattended(None)
    """
    if value is not None and not isinstance(value, bool):
        raise TypeError(f"hitl.unattended takes True, False or None, not {value!r}.")
    _known.said = value


@contextmanager
def nobody_there() -> Iterator[None]:
    """While this lasts, the run is unattended, whatever was said before."""
    before, _known.said = _known.said, True
    try:
        yield
    finally:
        _known.said = before


def is_unattended() -> bool:
    """Whether nobody is there to ask: as :func:`unattended` said, or HITL_JUPYTER_UNATTENDED, or as it looks.

    Raises
    ------
    Malformed
        HITL_JUPYTER_UNATTENDED is neither 1 nor 0.
    """
    if _known.said is not None:
        return _known.said
    said = os.environ.get(UNATTENDED_VARIABLE)
    return _detected() if not said else _read(said)


def asks_a_server() -> bool:
    """Whether this is an unattended run whose questions go to the server that HITL_JUPYTER_ASK names.

    Its tasks run in this kernel; only what they ask is there.
    """
    return bool(os.environ.get(ASK_VARIABLE)) and is_unattended()


def _read(said: str) -> bool:
    try:
        return _WORDS[said.strip().lower()]
    except KeyError:
        raise Malformed(f"{UNATTENDED_VARIABLE} is {said!r}. Set it to 1 or 0, or leave it out.") from None


def _detected() -> bool:
    if os.environ.get(URL_VARIABLE):
        return False  # whoever names a server by hand means the people there
    shell = running_shell()
    if shell is None:
        return not (_is_interactive() or MARKER in os.environ)  # a worker is as attended as who started it
    if getattr(shell, "kernel", None) is None:
        return not sys.stdin.isatty()
    if _is_voila() or vscode_notebook() is not None:
        return False
    return _runs_without_a_page()


def _is_interactive() -> bool:
    return hasattr(sys, "ps1") or bool(sys.flags.interactive)


def _is_voila() -> bool:
    """Voilà runs a notebook without a way to ``input()``, but for somebody who looks at the page."""
    by_server = os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")
    return by_server or any(name.startswith("VOILA_") for name in os.environ)


def _runs_without_a_page() -> bool:
    """Whether the cell was sent by a program that offers no ``input()``, as nbclient, nbval and papermill do.

    Only an execute request tells. Asked outside of one, in a comm's callback or before the first cell, the last one
    that was seen counts; before any, a kernel has somebody.
    """
    request = running_request()
    if (request.get("header") or {}).get("msg_type") == "execute_request":
        _known.seen = not (request.get("content") or {}).get("allow_stdin", True)
    return bool(_known.seen)

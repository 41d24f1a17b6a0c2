"""One kernel's line to its server: REST calls and sockets, found again when the server moves.

A call that could not be delivered is sent again after a new search, so a server that restarts on another port is met
there. That is safe: whatever changes something carries an idempotency key, and the server carries it out once.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

import httpx
import msgspec
import websocket

from hitl_jupyter.errors import Forbidden, HitlError, NoServer, StoreUnavailable, VersionMismatch
from hitl_jupyter.notebook.discovery import Server, find_again, find_server
from hitl_jupyter.notebook.host import Health
from hitl_jupyter.protocol import BATCH_SUBPROTOCOL, PROTOCOL_VERSION
from hitl_jupyter.version import __version__

CONNECT_SECONDS = 5.0
REPLY_SECONDS = 60.0
"""How long one reply may take; checking an answer may have to start a worker first."""

CREDENTIALS = "credentials"
"""The detail ``reason`` of a :class:`Forbidden` that is about who calls, not about what was asked."""

PAUSES = (0.1, 0.3, 0.6, 1.0, 2.0, 4.0, 6.0, 6.0)
"""Seconds between the tries to reach a server that has been reached before: one with many extensions starts slowly."""


class _Unanswered(Exception):
    """A call that broke off; the server may or may not have carried it out."""

    def __init__(self, reason: NoServer, retry: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry


class Client:
    """Calls the hitl routes of one server. Safe to use from several threads.

    Parameters
    ----------
    find : callable
        Finds the server; called before the first call.
    find_again : callable
        Finds a server that no longer answers where it was.
    pauses : tuple of float
        Seconds between tries while the server is away.
    """

    def __init__(
        self,
        find: Callable[[], Server] = find_server,
        find_again: Callable[[Server], Server] = find_again,
        pauses: tuple[float, ...] = PAUSES,
    ) -> None:
        self._find = find
        self._find_again = find_again
        self._pauses = pauses
        self._lock = threading.RLock()
        self._server: Server | None = None
        self._http: httpx.Client | None = None
        self._health: Health | None = None
        self._met = False

    # -- calls

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at a route; ``query`` entries that are None are left out."""
        return _json(self._call("GET", path, query=query))

    def get_bytes(self, path: str, **query: Any) -> bytes:
        """The body at a route, as it is."""
        return self._call("GET", path, query=query).content

    def post(self, path: str, body: Any) -> Any:
        """Send a struct or JSON-able value; the reply's JSON. ``body`` must carry its idempotency key."""
        return _json(self._call("POST", path, content=msgspec.json.encode(body)))

    def delete(self, path: str) -> None:
        """Delete what is at a route; that it is gone already is no error when the call had to be repeated."""
        self._call("DELETE", path)

    def health(self) -> Health:
        """The server's versions and limits, asked once per server found."""
        self._connected()
        assert self._health is not None
        return self._health

    def connect(
        self,
        path: str,
        query: Mapping[str, Any],
        timeout: float = CONNECT_SECONDS,
        subprotocols: Sequence[str] = (BATCH_SUBPROTOCOL,),
    ) -> websocket.WebSocket:
        """Open a socket, one that gets batches unless it is said otherwise.

        Raises
        ------
        OSError, WebSocketException, HitlError
            It cannot be opened now, or the server refuses it.
        """
        server, _ = self._connected()
        url = _route(server, path, scheme="wss" if server.url.startswith("https") else "ws")
        viewer = websocket.WebSocket(
            enable_multithread=True,
            sslopt={"context": _tls(server) or None},
            skip_utf8_validation=True,  # the decoder of the messages does it, a hundred times faster
        )
        try:
            viewer.connect(  # type: ignore[no-untyped-call]  # the library has no types
                f"{url}?{httpx.QueryParams(_given(query))}",
                header=server.headers,
                subprotocols=list(subprotocols) or None,
                suppress_origin=True,
                timeout=timeout,
                http_no_proxy=["*"],
                socket=_unix_socket(server.socket, timeout) if server.socket else None,
            )
        except websocket.WebSocketBadStatusException as error:
            refusal = _refused(error.status_code, error.resp_body or b"", server)
            raise (_replaced(server) if _is_stranger(server, refusal) else refusal) from None
        return viewer

    def moved(self) -> None:
        """Say that a socket broke: the next call looks whether the server is somewhere else."""
        with self._lock:
            server = self._server
        if server is None:
            return
        try:
            found = self._find_again(server)
        except NoServer:
            return
        if found != server:
            self._forget(server)

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            if self._http is not None:
                self._http.close()
            self._http = self._server = self._health = None

    # -- how

    def _call(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        repeated = False
        for pause in (*self._pauses, None):
            try:
                server, reply = self._send(method, path, query or {}, content)
            except (_Unanswered, NoServer) as error:
                repeated = True
                self._wait_for_server(error, pause)
                continue
            if reply.is_success or (repeated and method == "DELETE" and reply.status_code == 404):
                return reply
            refusal = _refused(reply.status_code, reply.content, server)
            if not isinstance(refusal, StoreUnavailable) or pause is None:
                raise refusal
            time.sleep(pause)  # a server that starts, stops or has a busy disk acknowledged nothing
        raise AssertionError("the last try has no pause and raises")

    def _send(
        self, method: str, path: str, query: Mapping[str, Any], content: bytes | None
    ) -> tuple[Server, httpx.Response]:
        server, http = self._connected()
        try:
            url = _route(server, path)
            reply = http.request(method, url, params=_given(query), content=content, headers=server.headers)
        except httpx.TransportError as error:
            raise _Unanswered(_unreachable(server, error), retry=not isinstance(error, httpx.ReadTimeout)) from None
        if not reply.is_success and _is_stranger(server, _refused(reply.status_code, reply.content, server)):
            raise _Unanswered(_replaced(server), retry=True)
        return server, reply

    def _wait_for_server(self, error: _Unanswered | NoServer, pause: float | None) -> None:
        """Give a server that was there before the time to come back; raise for one that never was."""
        reason = error.reason if isinstance(error, _Unanswered) else error
        worth_it = error.retry if isinstance(error, _Unanswered) else self._met
        if pause is None or not worth_it:
            raise reason from None
        time.sleep(pause)
        self.moved()

    def _connected(self) -> tuple[Server, httpx.Client]:
        with self._lock:
            if self._server is None or self._http is None:
                server = self._find()
                http = _open(server)
                try:
                    self._health = _meet(server, http)
                except BaseException:
                    http.close()
                    raise
                self._server, self._http, self._met = server, http, True
            return self._server, self._http

    def _forget(self, server: Server) -> None:
        with self._lock:
            if self._server == server:
                find_next = self._find_again
                self.close()
                self._find = lambda: find_next(server)


def _meet(server: Server, http: httpx.Client) -> Health:
    """Ask who is there, and whether both sides speak one protocol."""
    try:
        reply = http.get(_route(server, "health"), headers=server.headers)
    except httpx.TransportError as error:
        raise _unreachable(server, error) from None
    if reply.status_code not in (200, 503):
        raise _refused(reply.status_code, reply.content, server)
    try:
        health = msgspec.json.decode(reply.content, type=Health)
    except msgspec.DecodeError:
        raise _no_extension(server) from None
    if health.protocol != PROTOCOL_VERSION:
        raise _mismatch(health)
    return health


def _open(server: Server) -> httpx.Client:
    return httpx.Client(
        transport=httpx.HTTPTransport(uds=server.socket, verify=_tls(server), trust_env=False),
        timeout=httpx.Timeout(REPLY_SECONDS, connect=CONNECT_SECONDS),
        follow_redirects=False,
        trust_env=False,
    )


def _tls(server: Server) -> ssl.SSLContext | Literal[False]:
    """Certificates are checked, but for a server on this very machine that we know by its 0600 file.

    Such a server often has a certificate it signed itself, for names others call it by; who can listen on its port
    and write its file is this user already. Plain HTTP has none, and reading all authorities takes a while.
    """
    if not server.url.startswith("https:"):
        return False
    context = ssl.create_default_context()
    if server.local:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _unix_socket(path: str, timeout: float) -> socket.socket:
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(timeout)
    try:
        stream.connect(path)
    except BaseException:
        stream.close()
        raise
    return stream


def _route(server: Server, path: str, scheme: str | None = None) -> str:
    parts = urlsplit(f"{server.url}hitl/{path}")
    return urlunsplit((scheme or parts.scheme, *parts[1:]))


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def _json(reply: httpx.Response) -> Any:
    return msgspec.json.decode(reply.content) if reply.content else None


# -- refusals, as the exceptions they were on the server's side -------------------------------------------------------


def _kinds(root: type[HitlError] = HitlError) -> dict[str, type[HitlError]]:
    return {root.code: root} | {code: kind for child in root.__subclasses__() for code, kind in _kinds(child).items()}


def _refused(status: int, body: bytes, server: Server) -> HitlError:
    try:
        reply = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        reply = {}
    code, message = reply.pop("code", None), str(reply.pop("message", ""))
    if code in (kinds := _kinds()):
        return kinds[code](message, **reply)
    if status in (401, 403) or 300 <= status < 400:  # a redirect leads to the login page
        return Forbidden(
            f"The server at {server.url} does not accept this kernel's credentials. Set HITL_JUPYTER_TOKEN to a token "
            "of it, or open the notebook in that server's own JupyterLab.",
            reason=CREDENTIALS,
        )
    if status == 404:
        return _no_extension(server)
    return HitlError(f"The server at {server.url} replied {status} {message}. Its log says more.", status=status)


def _is_stranger(server: Server, refusal: HitlError) -> bool:
    """Whether this is not the server that let us in before: another one may listen on its port after a restart."""
    is_refused = isinstance(refusal, NoServer) or refusal.details.get("reason") == CREDENTIALS
    return server.found == "file" and is_refused


def _replaced(server: Server) -> NoServer:
    return NoServer(
        f"The Jupyter server at {server.url} is no longer the one this kernel knew. Start that one again, or open the "
        "notebook in a JupyterLab that has hitl-jupyter installed."
    )


def _no_extension(server: Server) -> NoServer:
    return NoServer(
        f"The Jupyter server at {server.url} runs without the hitl_jupyter extension. Run `pip install hitl-jupyter` "
        "in the environment the server runs in, and start the server again."
    )


def _unreachable(server: Server, error: Exception) -> NoServer:
    if isinstance(error, httpx.ReadTimeout):
        return NoServer(
            f"The Jupyter server at {server.url} did not reply within {REPLY_SECONDS:g} s. Try again; nothing is done "
            "twice if it is only slow."
        )
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NoServer(
            f"The certificate of {server.url} is not one this kernel trusts. Set SSL_CERT_FILE to a file with the "
            "certificate of its issuer."
        )
    return NoServer(
        f"The Jupyter server at {server.url} does not answer ({error}). Start it again, or open the notebook in a "
        "JupyterLab that has hitl-jupyter installed."
    )


def _mismatch(health: Health) -> VersionMismatch:
    older = "server" if health.protocol < PROTOCOL_VERSION else "kernel"
    return VersionMismatch(
        f"This kernel has hitl_jupyter {__version__} and the server {health.version}, which do not understand each "
        f"other. Run `pip install --upgrade hitl-jupyter` in the {older}'s environment and restart the {older}.",
        kernel=__version__,
        server=health.version,
    )

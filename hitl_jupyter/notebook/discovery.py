"""Where this kernel's Jupyter server is, and how to show it who asks.

Order of search: ``HITL_JUPYTER_URL`` (with ``HITL_JUPYTER_TOKEN``), then the file that our server extension leaves for
the process that started this kernel, then JupyterHub's variables. The file's secret opens only our own routes, so it
works whether the server has a token, a password or neither.

A terminal has more ways (:func:`find_for_terminal`): an address given by hand, the server it was opened in, and at last
whatever server of this user runs on this machine.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit, urlunsplit

import msgspec
from jupyter_core.paths import jupyter_runtime_dir
from msgspec import Struct

from hitl_jupyter.errors import NoServer, SeveralServers

Found = Literal["variable", "file", "hub"]

VIA_HEADER = "X-Hitl-Via"
"""Says by which way a person answers, where that is not a notebook: attribution, never authorization."""

_PAGES = ("/lab", "/tree", "/notebooks", "/doc", "/edit")
_WILDCARDS = frozenset({"0.0.0.0", "::"})


class Server(Struct, frozen=True, kw_only=True):
    """A server as this kernel may call it.

    ``url`` is the server's base, ending in a slash; ``socket`` the Unix socket it listens on, if it does; ``via`` the
    way in that answers are attributed to, where it is not a kernel.
    """

    url: str
    authorization: str | None = None
    socket: str | None = None
    found: Found = "variable"
    store: str | None = None
    local: bool = False
    via: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        given = {"Authorization": self.authorization, VIA_HEADER: self.via}
        return {name: value for name, value in given.items() if value is not None}

    def __repr__(self) -> str:
        return f"Server({self.url!r}, found={self.found!r})"


class RuntimeFile(Struct, frozen=True, kw_only=True):
    """The content of ``hitl-<pid>.json``, written by the server extension with mode 0600."""

    pid: int
    url: str
    secret: str
    version: str = ""
    protocol: int = 0
    store: str | None = None


def find_server(environ: Mapping[str, str] | None = None, runtime_dir: Path | None = None) -> Server:
    """The server that this kernel belongs to.

    Raises
    ------
    NoServer
        Nothing was found; the sentence says what to do in this very set-up.

    Examples
    --------
    >>> find_server({"HITL_JUPYTER_URL": "https://hub.example/user/ada/lab?token=abc"})
    Server('https://hub.example/user/ada/', found='variable')
    """
    variables = os.environ if environ is None else environ
    folder = Path(jupyter_runtime_dir()) if runtime_dir is None else runtime_dir
    found = _by_variable(variables) or _by_parent(variables, folder) or _by_hub(variables)
    if found is None:
        raise NoServer(_why_none(variables, folder))
    return found


def find_again(lost: Server, environ: Mapping[str, str] | None = None, runtime_dir: Path | None = None) -> Server:
    """The same server after a restart: a new process, port and secret over the same store folder."""
    folder = Path(jupyter_runtime_dir()) if runtime_dir is None else runtime_dir
    if lost.found == "file" and lost.store is not None:
        files = sorted(folder.glob("hitl-*.json"), key=_modified, reverse=True)
        for file in (_read(path) for path in files):
            if file is not None and file.store == lost.store and is_alive(file.pid):
                return _from_file(file)
    return find_server(environ, folder)


def find_for_terminal(
    url: str | None = None,
    token: str | None = None,
    environ: Mapping[str, str] | None = None,
    runtime_dir: Path | None = None,
) -> Server:
    """The server that a command in a terminal means.

    By an address given, or by ``HITL_JUPYTER_URL``; the one whose notebook or terminal this is; JupyterHub's; else the
    only one of this user that runs here. An address alone will do for a server of this user on this machine.

    Parameters
    ----------
    url, token : str, optional
        Given by hand; they come before all else.

    Raises
    ------
    SeveralServers
        Nothing says which of several is meant.
    NoServer
        There is none, or the address is no server's.
    """
    variables = os.environ if environ is None else environ
    folder = Path(jupyter_runtime_dir()) if runtime_dir is None else runtime_dir
    if url is not None:
        return _by_address(url, token or _token_for(url, variables), folder, "--url")
    if address := variables.get("HITL_JUPYTER_URL"):
        return _by_address(address, token or variables.get("HITL_JUPYTER_TOKEN"), folder)
    if (parent := _by_parent(variables, folder)) is not None:
        return parent
    if address := variables.get("JUPYTER_SERVER_URL"):
        return _by_address(address, token or variables.get("JUPYTER_TOKEN"), folder, otherwise=_by_hub(variables))
    return _by_hub(variables) or _only(running(folder))


def running(runtime_dir: Path | None = None) -> list[Server]:
    """The servers with our extension that this user runs on this machine, the latest first."""
    folder = Path(jupyter_runtime_dir()) if runtime_dir is None else runtime_dir
    paths = sorted((path for path in folder.glob("hitl-*.json") if _is_private(path)), key=_modified, reverse=True)
    return [_from_file(file) for file in map(_read, paths) if file is not None and is_alive(file.pid)]


def server_at(url: str, token: str | None = None, variable: str = "HITL_JUPYTER_URL") -> Server:
    """The server at an address that somebody wrote into ``variable``; its token may stand in the address.

    Raises
    ------
    NoServer
        That is no address.
    """
    token = token or parse_qs(_parts(url, variable).query).get("token", [""])[0]
    return _server(url, f"token {token}" if token else None, "variable", variable=variable)


def is_alive(pid: int) -> bool:
    """Whether a process of that number exists (on Windows: unknown, so yes)."""
    if os.name == "nt" or pid <= 0:
        return os.name == "nt"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _by_variable(environ: Mapping[str, str]) -> Server | None:
    url = environ.get("HITL_JUPYTER_URL")
    return server_at(url, environ.get("HITL_JUPYTER_TOKEN")) if url else None


def _by_address(
    url: str, token: str | None, folder: Path, variable: str = "HITL_JUPYTER_URL", otherwise: Server | None = None
) -> Server:
    """The server at an address: with the token given, else with its own file's secret, else as ``otherwise`` says."""
    named = server_at(url, token, variable)
    if named.authorization:
        return named
    return next((server for server in running(folder) if _is_same(server, named)), otherwise or named)


def _token_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The token of the environment, unless it is said to be another server's: it must not be shown to this one."""
    its_server = environ.get("HITL_JUPYTER_URL")
    if its_server and not _is_same(server_at(its_server), server_at(url, variable="--url")):
        return None
    return environ.get("HITL_JUPYTER_TOKEN")


def _is_same(one: Server, other: Server) -> bool:
    """Whether two addresses are one server's; this machine has several names."""
    if one.socket or other.socket:
        return (one.socket, urlsplit(one.url).path) == (other.socket, urlsplit(other.url).path)
    return _place(one.url) == _place(other.url)


def _place(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return ("" if _is_this_machine(host) else host, port, parts.path)


def _only(found: list[Server]) -> Server:
    if not found:
        raise NoServer(
            "No Jupyter server with hitl_jupyter runs here. Start one with `jupyter lab`, or set HITL_JUPYTER_URL and "
            "HITL_JUPYTER_TOKEN to one that is elsewhere."
        )
    if len(found) > 1:
        urls = [server.url for server in found]
        raise SeveralServers(
            f"{len(found)} Jupyter servers run here: {', '.join(urls)}. Say which one with --url, or set "
            "HITL_JUPYTER_URL.",
            servers=urls,
        )
    return found[0]


def _is_private(path: Path) -> bool:
    """Whether only this account can have written it: what it says is believed."""
    if os.name == "nt":
        return True
    try:
        facts = path.stat()
    except OSError:
        return False
    return facts.st_uid == os.getuid() and not facts.st_mode & 0o077


def _by_parent(environ: Mapping[str, str], folder: Path) -> Server | None:
    pid = environ.get("JPY_PARENT_PID", "")
    file = _read(folder / f"hitl-{pid}.json") if pid.isdigit() else None
    return None if file is None else _from_file(file)


def _by_hub(environ: Mapping[str, str]) -> Server | None:
    token = environ.get("JUPYTERHUB_API_TOKEN")
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX")
    address = environ.get("JUPYTERHUB_SERVICE_URL") or environ.get("JUPYTERHUB_PUBLIC_URL")
    if not (token and prefix and address):
        return None
    return _server(urlunsplit((*urlsplit(address)[:2], prefix, "", "")), f"token {token}", "hub")


def _from_file(file: RuntimeFile) -> Server:
    return _server(file.url, f"hitl {file.secret}", "file", file.store)


def _server(
    url: str,
    authorization: str | None,
    found: Found,
    store: str | None = None,
    variable: str = "HITL_JUPYTER_URL",
) -> Server:
    parts = _parts(url, variable)
    path = _base_path(parts.path)
    if parts.scheme == "http+unix":
        return Server(
            url=f"http://localhost{path}",
            authorization=authorization,
            socket=unquote(parts.netloc),
            found=found,
            store=store,
            local=True,
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _no_address(url, variable)
    local = found == "file" and _is_this_machine(parts.hostname)
    netloc = _without_wildcard(parts.hostname, parts.port, parts.netloc)
    return Server(
        url=urlunsplit((parts.scheme, netloc, path, "", "")),
        authorization=authorization,
        found=found,
        store=store,
        local=local,
    )


def _parts(url: str, variable: str) -> SplitResult:
    try:
        parts = urlsplit(url.strip())
        _ = parts.port  # read only now, and refused only now
    except ValueError:
        raise _no_address(url, variable) from None
    return parts


def _no_address(url: str, variable: str) -> NoServer:
    shown = url.partition("?")[0]  # a token may stand behind it
    return NoServer(
        f"{shown!r} is not the address of a Jupyter server; it looks like http://localhost:8888/. "
        f"Set {variable} to the address that stands in the browser."
    )


def _base_path(path: str) -> str:
    """The server's base URL, also where somebody copied a page's address (``/user/ada/lab/tree/a.ipynb``)."""
    for page in _PAGES:
        base, found, _ = f"{path}/".partition(f"{page}/")
        if found:
            path = base
    return f"{path.rstrip('/')}/"


def _without_wildcard(host: str, port: int | None, netloc: str) -> str:
    """A server that listens everywhere names no address to call; this machine's own is one."""
    if host not in _WILDCARDS:
        return netloc
    return f"127.0.0.1:{port}" if port else "127.0.0.1"


def _is_this_machine(host: str) -> bool:
    if host in ("localhost", socket.gethostname()):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback or host in _WILDCARDS
    except ValueError:
        return False


def _read(path: Path) -> RuntimeFile | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=RuntimeFile)
    except (OSError, msgspec.DecodeError):
        return None


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _why_none(environ: Mapping[str, str], folder: Path) -> str:
    pid = environ.get("JPY_PARENT_PID", "")
    if pid.isdigit() and (folder / f"jpserver-{pid}.json").exists():
        return (
            "This notebook's Jupyter server runs without the hitl_jupyter extension. Run `pip install hitl-jupyter` "
            "in the environment the server runs in, and start the server again."
        )
    return (
        "No Jupyter server with hitl_jupyter is in reach of this kernel. Open the notebook in a JupyterLab that has "
        "hitl-jupyter installed, or set HITL_JUPYTER_URL and HITL_JUPYTER_TOKEN to a server that has it."
    )

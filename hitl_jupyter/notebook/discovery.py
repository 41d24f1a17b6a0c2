"""Where this kernel's Jupyter server is, and how to show it who asks.

Order of search: ``HITL_JUPYTER_URL`` (with ``HITL_JUPYTER_TOKEN``), then the file that our server extension leaves for
the process that started this kernel, then JupyterHub's variables. The file's secret opens only our own routes, so it
works whether the server has a token, a password or neither.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import msgspec
from jupyter_core.paths import jupyter_runtime_dir
from msgspec import Struct

from hitl_jupyter.errors import NoServer

Found = Literal["variable", "file", "hub"]

_PAGES = ("/lab", "/tree", "/notebooks", "/doc", "/edit")
_WILDCARDS = frozenset({"0.0.0.0", "::"})


class Server(Struct, frozen=True, kw_only=True):
    """A server as this kernel may call it.

    ``url`` is the server's base, ending in a slash; ``socket`` the Unix socket it listens on, if it does.
    """

    url: str
    authorization: str | None = None
    socket: str | None = None
    found: Found = "variable"
    store: str | None = None
    local: bool = False

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"Authorization": self.authorization} if self.authorization else {}

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


def server_at(url: str, token: str | None = None, variable: str = "HITL_JUPYTER_URL") -> Server:
    """The server at an address that somebody wrote into ``variable``; its token may stand in the address.

    Raises
    ------
    NoServer
        That is no address.
    """
    token = token or parse_qs(urlsplit(url).query).get("token", [""])[0]
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
    parts = urlsplit(url.strip())
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
        raise NoServer(
            f"{url!r} is not the address of a Jupyter server; it looks like http://localhost:8888/. "
            f"Set {variable} to the address that stands in the browser."
        )
    local = found == "file" and _is_this_machine(parts.hostname)
    netloc = _without_wildcard(parts.hostname, parts.port, parts.netloc)
    return Server(
        url=urlunsplit((parts.scheme, netloc, path, "", "")),
        authorization=authorization,
        found=found,
        store=store,
        local=local,
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

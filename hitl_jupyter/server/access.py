"""Who is asking, and whether they may: the one place where requests and sockets are authenticated and authorized.

A caller is known by Jupyter's own identity provider (token, password, cookie, JupyterHub, …) or by our own secret,
which stands in a file that only this account can read (:mod:`hitl_jupyter.server.runtime_file`) and opens only our
routes. Every method of every handler then carries :func:`allowed`, which asks the server's Authorizer; whose session it
is, the session manager decides by the :class:`Actor` made here.
"""

from __future__ import annotations

import getpass
import hmac
import os
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar, cast

from jupyter_core.utils import ensure_async
from jupyter_server.auth import User
from jupyter_server.auth.decorator import authorized, ws_authenticated
from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider, PasswordIdentityProvider
from jupyter_server.auth.login import LegacyLoginHandler
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.extension.handler import ExtensionHandlerMixin
from msgspec import Struct
from tornado import web
from traitlets import Unicode

from hitl_jupyter.engine.actor import Actor
from hitl_jupyter.errors import Forbidden
from hitl_jupyter.protocol import Via

Ownership = Literal["auto", "server", "user"]
Action = Literal["read", "write", "execute"]

SESSIONS = "hitl_jupyter:sessions"
ANSWERS = "hitl_jupyter:answers"
TASKS = "hitl_jupyter:tasks"
SERVER = "hitl_jupyter:server"
KERNELS = "kernels"
"""What the Authorizer is asked about. Starting a task also needs ``execute`` on kernels, for it runs code."""

ONE_OWNER = "server"
"""Whose sessions are where every authenticated caller is the same person."""

SCHEME = "hitl"
"""``Authorization: hitl <secret>``."""

VIA_HEADER = "X-Hitl-Via"
"""By it a terminal's answers are told from a notebook's. Attribution only, and only of what no browser sends."""

GATE_SETTING = "hitl_jupyter_gate"

_Method = TypeVar("_Method", bound=Callable[..., Any])


class KernelIdentity(IdentityProvider):
    """Who a request with our secret is: the account this server runs as."""

    username = Unicode(ONE_OWNER, help="The owner that requests with our secret act as.")

    def get_user(self, handler: web.RequestHandler) -> User:
        return User(self.username, self.username, self.username)

    def is_token_authenticated(self, handler: web.RequestHandler) -> bool:
        return True

    def should_check_origin(self, handler: web.RequestHandler) -> bool:
        return False


class Gate(Struct, frozen=True, kw_only=True):
    """What deciding about a caller needs: our secret, whose the sessions are, and who shows the secret."""

    secret: str
    ownership: Ownership
    kernel: KernelIdentity


def make_gate(secret: str, ownership: Ownership, kernel_owner: str, provider: IdentityProvider) -> Gate:
    """The gate of a server; an empty ``kernel_owner`` stands for the one owner, or else this account's name."""
    owner = kernel_owner or (ONE_OWNER if has_one_owner(ownership, provider) else _account())
    return Gate(secret=secret, ownership=ownership, kernel=KernelIdentity(token="", username=owner))


def has_one_owner(ownership: Ownership, provider: IdentityProvider) -> bool:
    """Whether all callers are one owner.

    Jupyter's stock providers give a caller without a cookie a new random name each time, so with them a name cannot
    own anything.
    """
    return _names_are_random(provider) if ownership == "auto" else ownership == "server"


def _names_are_random(provider: IdentityProvider) -> bool:
    if isinstance(provider, LegacyIdentityProvider):
        return bool(provider.login_handler_class is LegacyLoginHandler)
    return type(provider) in (IdentityProvider, PasswordIdentityProvider)


def _account() -> str:
    return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()


def allowed(*asks: tuple[Action, str]) -> Callable[[_Method], _Method]:
    """Decorate a concrete HTTP method: authenticated, and every ``(action, resource)`` granted by the Authorizer.

    Action and resource are always given: left out, ``authorized`` remembers those of the first request it sees.
    """

    def decorate(method: _Method) -> _Method:
        guarded: Callable[..., Any] = method
        for action, resource in reversed(asks):
            guarded = authorized(action=action, resource=resource)(guarded)
        return cast("_Method", web.authenticated(guarded))

    return decorate


def ws_allowed(*asks: tuple[Action, str]) -> Callable[[_Method], _Method]:
    """The same for a WebSocket's ``get``, which never leads to the login page."""

    def decorate(method: _Method) -> _Method:
        guarded: Callable[..., Any] = method
        for action, resource in reversed(asks):
            guarded = authorized(action=action, resource=resource)(guarded)
        return cast("_Method", ws_authenticated(guarded))

    return decorate


class Access(ExtensionHandlerMixin, JupyterHandler):
    """What our request and socket handlers share: callers with our secret, and the :class:`Actor` of any caller."""

    @property
    def gate(self) -> Gate:
        """How this server decides about callers."""
        return cast("Gate", self.settings[GATE_SETTING])

    @property
    def carries_secret(self) -> bool:
        """Whether the request shows our own secret."""
        scheme, _, secret = self.request.headers.get("Authorization", "").partition(" ")
        given, known = secret.strip().encode("utf-8", "surrogateescape"), self.gate.secret.encode()
        return scheme.lower() == SCHEME and hmac.compare_digest(given, known)

    @property
    def identity_provider(self) -> IdentityProvider:
        """Jupyter's identity provider, but ours for a request with our secret."""
        return self.gate.kernel if self.carries_secret else super().identity_provider

    def check_xsrf_cookie(self) -> None:
        """No proof is asked of a request with our secret: a browser never sends that by itself."""
        if not self.carries_secret:
            super().check_xsrf_cookie()

    async def actor(self) -> Actor:
        """Who this authenticated request acts as.

        ``by`` names a person only where the name is one person's: that of a browser's login cookie, or any name that
        a provider with stable identities gives.
        """
        user = cast("User", self.current_user)
        if self.carries_secret:
            return Actor(owner=self.gate.kernel.username, via=self._said("kernel"))
        provider = self.identity_provider
        owner = ONE_OWNER if has_one_owner(self.gate.ownership, provider) else user.username
        if not _names_are_random(provider):
            return Actor(
                owner=owner, by=_display_name(user), via=self._said("token") if self.token_authenticated else "browser"
            )
        person = await self._cookie_user(provider)
        if person is None:
            return Actor(owner=owner, via=self._said("token"))
        return Actor(owner=owner, by=_display_name(person), via="browser")

    def _said(self, via: Via) -> Via:
        return "cli" if self.request.headers.get(VIA_HEADER) == "cli" else via

    async def _cookie_user(self, provider: IdentityProvider) -> User | None:
        if self.get_cookie(provider.get_cookie_name(self)) is None:
            return None
        found = provider.get_user_cookie(self)
        return await found if isinstance(found, Awaitable) else found

    async def check_authorized(self, action: Action, resource: str) -> None:
        """Ask the Authorizer about something that is no HTTP method: a socket's message.

        Raises
        ------
        Forbidden
            The Authorizer refuses.
        """
        granted = await ensure_async(self.authorizer.is_authorized(self, self.current_user, action, resource))
        if not granted:
            raise Forbidden(
                f"You may not {action} {resource} on this server. Ask whoever runs it for that permission.",
                action=action,
                resource=resource,
            )


def _display_name(user: User) -> str:
    return user.display_name or user.name or user.username

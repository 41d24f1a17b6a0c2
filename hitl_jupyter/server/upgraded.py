"""What all our sockets share: how a connection is upgraded, held to the limits, and refused."""

from __future__ import annotations

from typing import Any

from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketHandler, WebSocketProtocol, WebSocketProtocol13

from hitl_jupyter.errors import Malformed
from hitl_jupyter.protocol import encode
from hitl_jupyter.server.frames import FrameProtocol
from hitl_jupyter.server.handler import Handler

GOING_AWAY = 1001
REFUSED = 4000
"""Plus the HTTP status: the close code of a refusal."""

TOO_SLOW = REFUSED + 408


class Upgraded(WebSocketMixin, WebSocketHandler, Handler):
    """A connection that becomes a WebSocket."""

    @property
    def max_message_size(self) -> int:
        """The limit of bodies holds for messages too."""
        return self.host.limits.max_body_bytes

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        """Tornado's frames, with our way of refusing broken ones."""
        stock = super().get_websocket_protocol()
        if not isinstance(stock, WebSocketProtocol13):
            return stock
        # Jupyter's mixin sends the pings. It counts the interval in milliseconds; tornado would take it for seconds.
        stock.params.ping_interval = None
        return FrameProtocol(self, False, stock.params)

    def finish(self, chunk: Any = None) -> Any:
        """Tornado refuses an upgrade in plain text; ours is JSON like any refusal."""
        if isinstance(chunk, str) and self.get_status() >= 400:
            self.set_header("Content-Type", "application/json")
            chunk = encode(self.error_json(self.get_status(), Malformed(f"{chunk.rstrip('.')}.")))
        return super().finish(chunk)

"""The live view as a widget, for every front end that shows widgets.

Its script is a stub. Where the page comes from the server that runs our extension, the stub imports the real bundle
from there, once for all widgets; elsewhere it asks the kernel for it. So the bundle is neither sent with every widget
nor saved in notebooks, and no token is ever in the widget's state.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from hitl_jupyter.notebook.host import Host
from hitl_jupyter.notebook.relay import Relay
from hitl_jupyter.wording import describe

BUNDLE = Path(__file__).parent.parent / "static" / "widget.js"

STUB = """\
const loading = new Map();

function pageConfig() {
  const element = document.getElementById("jupyter-config-data");
  try {
    return element ? JSON.parse(element.textContent) : {};
  } catch {
    return {};
  }
}

function fromServer() {
  const { baseUrl } = pageConfig();
  if (typeof baseUrl !== "string") {
    return Promise.reject(new Error("This page has no Jupyter server."));
  }
  const base = new URL(baseUrl.endsWith("/") ? baseUrl : `${baseUrl}/`, document.baseURI);
  return import(/* webpackIgnore: true */ new URL("static/hitl_jupyter/widget.js", base).href);
}

function fromKernel(model) {
  return new Promise((resolve, reject) => {
    const receive = (message, buffers) => {
      if (message?.op !== "bundle") {
        return;
      }
      model.off("msg:custom", receive);
      if (!buffers?.length) {
        reject(new Error(message.message ?? "The kernel has no bundle."));
        return;
      }
      const url = URL.createObjectURL(new Blob([buffers[0]], { type: "text/javascript" }));
      resolve(import(/* webpackIgnore: true */ url).finally(() => URL.revokeObjectURL(url)));
    };
    model.on("msg:custom", receive);
    model.send({ op: "bundle" });
  });
}

function bundle(model) {
  const key = "hitl_jupyter";
  if (!loading.has(key)) {
    const found = fromServer().catch(() => fromKernel(model));
    found.catch(() => loading.delete(key));
    loading.set(key, found);
  }
  return loading.get(key);
}

export default {
  async render(context) {
    try {
      const { default: widget } = await bundle(context.model);
      return await widget.render(context);
    } catch (error) {
      const note = document.createElement("p");
      note.textContent = `The live view could not be loaded (${error.message}). Run the cell again.`;
      context.el.append(note);
    }
  },
};
"""


class SessionWidget(anywidget.AnyWidget):
    """The live view of one session.

    Parameters
    ----------
    session_id : str
        Which session.
    title : str
        What its text form says.
    host : Host
        What holds the session, for pages that cannot reach it.
    """

    _esm = STUB
    session_id = traitlets.Unicode().tag(sync=True)

    def __init__(self, session_id: str, title: str, host: Host) -> None:
        self._title = title
        self._sending = threading.Lock()
        self._relay = Relay(host, session_id, self._send_to_pages)
        super().__init__(session_id=session_id)
        self.on_msg(self._receive)

    def __repr__(self) -> str:
        return describe(self._title, None)

    def close(self) -> None:
        """Take the view off every page."""
        self._relay.close()
        super().close()

    def _receive(self, _widget: object, message: object, _buffers: Sequence[memoryview]) -> None:
        """A message of a page, on whatever thread the kernel handles comms."""
        if not isinstance(message, Mapping):
            return
        if message.get("op") == "bundle":
            self._send_bundle()
        else:
            self._relay.receive(message)

    def _send_bundle(self) -> None:
        try:
            self._send_to_pages({"op": "bundle"}, [BUNDLE.read_bytes()])
        except OSError:
            message = "hitl_jupyter was installed without its front end; install the published wheel"
            self._send_to_pages({"op": "bundle", "message": message}, [])

    def _send_to_pages(self, message: dict[str, Any], buffers: list[bytes]) -> None:
        with self._sending:  # a comm's messages must not interleave
            self.send(message, buffers)

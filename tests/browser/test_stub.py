"""The widget's stub gets the real script from the page's server, or, where there is none, from the kernel."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, Route

from hitl_jupyter.notebook.widget import STUB

pytestmark = pytest.mark.browser

ORIGIN = "http://hitl.test"
BUNDLE = "export default { render({ model, el }) { el.textContent = 'the view, from %s'; return () => {}; } };"
PAGE = "<!doctype html>%s<div id='output'></div>"

RENDER = """async ({ stub, bundle }) => {
  const listeners = new Set();
  const asked = [];
  const model = {
    get: () => "an-id",
    on: (_, listener) => listeners.add(listener),
    off: (_, listener) => listeners.delete(listener),
    send(message) {
      asked.push(message);
      const reply = bundle === null ? { op: "bundle", message: "built without it" } : { op: "bundle" };
      const buffers = bundle === null ? [] : [new DataView(new TextEncoder().encode(bundle).buffer)];
      for (const listener of listeners) listener(reply, buffers);
    },
  };
  const url = URL.createObjectURL(new Blob([stub], { type: "text/javascript" }));
  const { default: widget } = await import(url);
  const el = document.getElementById("output");
  const end = await widget.render({ model, el });
  return { text: el.textContent, asked, left: listeners.size, end: typeof end };
}"""


def open_page(page: Page, config: dict[str, str] | None, bundle: str | None) -> None:
    """A page with this Jupyter configuration, on a server that has this script, or none."""
    script = f"<script id='jupyter-config-data' type='application/json'>{json.dumps(config)}</script>"

    def serve(route: Route) -> None:
        if route.request.url.endswith("/base/static/hitl_jupyter/widget.js") and bundle is not None:
            route.fulfill(body=bundle, content_type="text/javascript")
        elif route.request.url == f"{ORIGIN}/base/lab":
            route.fulfill(body=PAGE % (script if config is not None else ""), content_type="text/html")
        else:
            route.fulfill(status=404, body="<html></html>", content_type="text/html")

    page.route(f"{ORIGIN}/**", serve)
    page.goto(f"{ORIGIN}/base/lab")


def test_where_the_server_has_the_script_the_kernel_is_not_asked(page: Page) -> None:
    open_page(page, {"baseUrl": "/base/"}, BUNDLE % "the server")
    got = page.evaluate(RENDER, {"stub": STUB, "bundle": BUNDLE % "the kernel"})
    assert got == {"text": "the view, from the server", "asked": [], "left": 0, "end": "function"}


@pytest.mark.parametrize("config", [None, {"baseUrl": "/base/"}, {"other": "x"}])
def test_elsewhere_the_kernel_sends_it_once(page: Page, config: dict[str, str] | None) -> None:
    open_page(page, config, None)
    got = page.evaluate(RENDER, {"stub": STUB, "bundle": BUNDLE % "the kernel"})
    assert got == {"text": "the view, from the kernel", "asked": [{"op": "bundle"}], "left": 0, "end": "function"}


def test_with_neither_the_output_says_so(page: Page) -> None:
    open_page(page, None, None)
    got = page.evaluate(RENDER, {"stub": STUB, "bundle": None})
    assert got["text"] == "The live view could not be loaded (built without it). Run the cell again."

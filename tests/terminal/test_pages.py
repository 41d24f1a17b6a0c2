"""A session as a document: whole, and nothing in it acts, whatever the task and the people wrote."""

from __future__ import annotations

import base64
import re
from html.parser import HTMLParser

from hitl_jupyter.protocol import (
    Display,
    JournalEvent,
    RequestConfirmation,
    RequestResolved,
    SessionFacts,
    StatusChanged,
    Stream,
    TaskCompleted,
)
from hitl_jupyter.snapshot import Snapshot, fold
from hitl_jupyter.terminal.pages import html_page, markdown_page

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> & \x1b[31m\u202e"
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\nrest").decode()
INERT_TAGS = {
    "html", "head", "meta", "title", "style", "body", "h1", "h2", "div", "p", "b", "pre", "img", "table", "thead",
    "tbody", "tr", "th", "td",
}  # fmt: skip


class Elements(HTMLParser):
    """Collects what a browser would make elements of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def events(text: str) -> list[JournalEvent]:
    facts = SessionFacts(task=text, title=text, owner=text)
    return [
        StatusChanged(status="queued", session=facts, seq=1, timestamp=1.0),
        Stream(content=text, seq=2),
        Display(data={"image/png": PNG, "text/plain": text}, seq=3),
        Display(data={"image/png": f'{PNG}" onload="alert(1)', "text/html": text, "text/plain": text}, seq=4),
        Display(data={"image/svg+xml": f"<svg onload='alert(1)'>{text}</svg>"}, seq=5),
        RequestConfirmation(request_id="r", message=text, evidence=[{"image/jpeg": "/9j/", "text/plain": text}], seq=6),
        RequestResolved(request_id="r", outcome="answered", value=True, seq=7),
        TaskCompleted(values={text: text}, seq=8),
        StatusChanged(status="completed", seq=9, timestamp=2.0),
    ]


def page(text: str) -> str:
    return html_page(fold(events(text), Snapshot(session_id="s")), events(text))


def test_a_page_has_no_element_and_no_attribute_of_the_tasks() -> None:
    found = Elements(page(EVIL)).found
    assert {tag for tag, _ in found} <= INERT_TAGS
    attributes = {(tag, name) for tag, given in found for name in given}
    assert attributes <= {
        ("html", "lang"), ("meta", "charset"), ("meta", "http-equiv"), ("meta", "content"), ("meta", "name"),
        ("div", "class"), ("pre", "class"), ("img", "alt"), ("img", "src"),
    }  # fmt: skip
    sources = [given["src"] or "" for tag, given in found if tag == "img"]
    assert [source.partition(",")[0] for source in sources] == ["data:image/png;base64", "data:image/jpeg;base64"]


def test_a_page_forbids_what_it_does_not_have() -> None:
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:" in page("plain")
    assert not re.search(r"https?://|<script|<form|<a |javascript:", page(EVIL))


def test_a_page_tells_the_whole_session() -> None:
    text = page("plain")
    for piece in (
        "<h1>plain</h1>",
        "<pre>plain</pre>",
        '<pre class="question">? plain</pre>',
        "= yes",
        "Status: completed",
    ):
        assert piece in text
    assert "\x1b" not in page(EVIL)
    assert "\u202e" not in page(EVIL)


def test_markdown_keeps_the_transcript_in_its_block() -> None:
    text = "```\n# heading\n````"
    document = markdown_page(fold(events(text), Snapshot(session_id="s")), events(text))
    fences = re.findall(r"^(`{5,})(?:text)?$", document, re.MULTILINE)
    assert fences == ["`````", "`````"]
    assert document.startswith("# \\`\\`\\` \\# heading \\`\\`\\`\\`\n")


def test_a_session_that_lives_is_a_page_too() -> None:
    lived = events("plain")[:2]
    assert "hitl session 'plain': queued" in html_page(fold(lived, Snapshot(session_id="s")), lived)

"""What tells a person who looks elsewhere that a task waits: toast, title, screen reader, browser notification."""

from __future__ import annotations

import pickle
import re

import pytest
from playwright.sync_api import expect

from tests.browser.clicking import click
from tests.browser.empty_lab import EmptyLab
from tests.browser.inbox import Inbox
from tests.support.waiting import eventually

pytestmark = [pytest.mark.extended, pytest.mark.browser, pytest.mark.timeout(240)]

NOTICES = "hitl-jupyter:notices"
MARKED = re.compile(r"^\(\d+\) ")

CLICK_AT_ONCE = """() => {
  const clicks = window.clicksAtOnce = [];
  const observer = new MutationObserver(() => {
    const found = [...document.querySelectorAll('.Toastify__toast button')].find(b => b.textContent === 'Approve');
    if (found !== undefined) {
      observer.disconnect();
      for (const later of [0, 50, 100, 200]) {
        setTimeout(() => { found.click(); clicks.push(found.isConnected); }, later);
      }
    }
  });
  observer.observe(document.body, {childList: true, subtree: true});
}"""

RECORD_NOTIFICATIONS = """(() => {
  const told = window.ourNotifications = [];
  window.Notification = class extends window.Notification {
    constructor(title, options) {
      super(title, options);
      this.record = {title, body: options.body, tag: options.tag, closed: false};
      told.push(this);
    }
    close() { this.record.closed = true; super.close(); }
  };
  window.pageIsHidden = false;
  Object.defineProperty(document, 'hidden', {get: () => window.pageIsHidden});
  Object.defineProperty(document, 'visibilityState', {get: () => window.pageIsHidden ? 'hidden' : 'visible'});
})()"""

HIDE = """hidden => {
  window.pageIsHidden = hidden;
  document.dispatchEvent(new Event('visibilitychange'));
}"""


def test_a_toast_approves_a_question_but_not_by_a_click_that_was_meant_for_what_was_there_before(
    empty_lab: EmptyLab,
) -> None:
    empty_lab.open_empty()
    empty_lab.page.evaluate(CLICK_AT_ONCE)
    session_id = empty_lab.start("confirm", "Publish figures", "Publish them?")
    expect(empty_lab.toasts).to_have_count(1)
    expect(empty_lab.toasts).to_contain_text("Publish figures: Publish them?")
    expect(empty_lab.read_out).to_contain_text("Question from Publish figures: Publish them?")
    expect(empty_lab.page).to_have_title("(1) JupyterLab")
    empty_lab.page.wait_for_function("() => window.clicksAtOnce.length === 4")
    assert empty_lab.page.evaluate("() => window.clicksAtOnce") == [True] * 4
    assert empty_lab.info(session_id)["status"] == "waiting"
    empty_lab.button("Approve").click()
    expect(empty_lab.toasts).to_have_count(0)
    eventually(lambda: empty_lab.info(session_id)["status"] == "completed", "the answer arrives")
    assert pickle.loads(empty_lab.server.request("GET", f"hitl/sessions/{session_id}/result").body) is True
    expect(empty_lab.read_out).to_contain_text("Publish figures completed")
    expect(empty_lab.page).to_have_title("JupyterLab")


def test_questions_share_one_toast_that_goes_as_they_are_answered_elsewhere_and_approves_nothing_unseen(
    empty_lab: EmptyLab,
) -> None:
    empty_lab.open_empty()
    with_evidence = empty_lab.start("look_first", "Publish figures")
    expect(empty_lab.toasts).to_contain_text("Publish figures")
    expect(empty_lab.button("Open")).to_be_visible()
    expect(empty_lab.button("Approve")).to_have_count(0)
    plain = empty_lab.start("confirm", "Train a model")
    expect(empty_lab.toasts.filter(has_text="2 questions wait for you")).to_be_visible()
    expect(empty_lab.toasts).to_have_count(1)
    expect(empty_lab.button("Open inbox")).to_be_visible()
    expect(empty_lab.button("Approve")).to_have_count(0)
    empty_lab.answer(with_evidence)
    expect(empty_lab.toasts).to_contain_text("Train a model: Go on?")
    expect(empty_lab.toasts).to_have_count(1)
    expect(empty_lab.button("Approve")).to_be_visible()
    empty_lab.answer(plain, False)
    expect(empty_lab.toasts).to_have_count(0)
    expect(empty_lab.page).not_to_have_title(MARKED)


def test_open_leads_to_the_row_and_what_can_be_seen_anyway_brings_no_toast(empty_lab: EmptyLab) -> None:
    empty_lab.open_empty()
    inbox = Inbox(empty_lab)
    empty_lab.start("confirm", "Publish figures")
    first = empty_lab.start("confirm", "Train a model")
    empty_lab.button("Open inbox").click()
    inbox.expect_in("waiting", "Publish figures")
    expect(inbox.row("Train a model")).to_have_attribute("data-open", "false")
    expect(empty_lab.toasts).to_have_count(0)
    empty_lab.start("confirm", "Listed at the side")
    inbox.expect_in("waiting", "Listed at the side")
    expect(empty_lab.page).to_have_title(re.compile(r"^\(3\) "))
    empty_lab.expect_no_toast_but()

    empty_lab.execute("application:toggle-left-area")
    empty_lab.execute("hitl:open-session", sessionId=first)
    expect(empty_lab.page.locator(".jp-hitl-SessionTab")).to_contain_text("Go on?")
    session_id = empty_lab.start("after_a_word", "Nobody looks at it", "Sure,")
    expect(empty_lab.toasts).to_contain_text("Nobody looks at it: Who are you?")
    expect(empty_lab.button("Approve")).to_have_count(0)
    empty_lab.button("Open").click()
    expect(inbox.row("Nobody looks at it")).to_have_attribute("data-open", "true")
    empty_lab.execute("hitl:open-session", sessionId=session_id)
    empty_lab.execute("application:toggle-left-area")
    tab = empty_lab.page.locator(".jp-hitl-SessionTab:visible")
    expect(tab).to_contain_text("Who are you?")
    tab.get_by_label("Name").fill("ada")
    click(tab.get_by_role("button", name="Submit", exact=True))
    expect(tab).to_contain_text("Sure, ada?")
    empty_lab.expect_no_toast_but()


def test_dont_show_again_turns_toasts_off_for_good_until_a_command_turns_them_on(empty_lab: EmptyLab) -> None:
    empty_lab.open_empty()
    empty_lab.remember_settings(NOTICES)
    empty_lab.start("confirm", "Publish figures")
    empty_lab.button("Don’t show again").click()
    expect(empty_lab.toasts).to_have_count(0)
    eventually(lambda: '"toasts": false' in stored(empty_lab), "the setting is stored")
    empty_lab.open_empty()
    empty_lab.start("confirm", "Train a model")
    expect(empty_lab.page).to_have_title("(2) JupyterLab")
    expect(empty_lab.read_out).to_contain_text("Train a model")
    empty_lab.expect_no_toast_but()
    empty_lab.execute("hitl:toggle-toasts")
    eventually(lambda: '"toasts": true' in stored(empty_lab), "the setting is stored")
    empty_lab.start("confirm", "Third")
    expect(empty_lab.toasts).to_contain_text("Third")


def stored(page: EmptyLab) -> str:
    """The user's settings of the notices, as they stand in the file."""
    raw: str = page.server.request("GET", f"lab/api/settings/{NOTICES}").json()["raw"]
    return raw


def test_the_browser_notifies_only_once_it_was_turned_on_and_while_the_page_is_hidden(empty_lab: EmptyLab) -> None:
    page = empty_lab.page
    page.add_init_script(RECORD_NOTIFICATIONS)
    empty_lab.open_empty()
    empty_lab.remember_settings(NOTICES)
    page.evaluate(HIDE, True)
    empty_lab.start("confirm", "While it is off")
    expect(empty_lab.read_out).to_contain_text("While it is off")
    empty_lab.execute("hitl:toggle-browser-notifications")
    eventually(lambda: '"browserNotifications": true' in stored(empty_lab), "the setting is stored")
    page.evaluate(HIDE, False)
    empty_lab.start("confirm", "While it is seen")
    expect(empty_lab.read_out).to_contain_text("While it is seen")
    page.evaluate(HIDE, True)
    session_id = empty_lab.start("confirm", "Publish figures", "Publish them?")
    (request,) = empty_lab.asked(session_id)
    expect(empty_lab.read_out).to_contain_text("Publish them?")
    (told,) = page.evaluate("() => ourNotifications.map(each => each.record)")
    assert told == {
        "title": "Question from Publish figures",
        "body": "Publish them?",
        "tag": request["request_id"],
        "closed": False,
    }
    page.evaluate("() => ourNotifications[0].onclick()")
    expect(Inbox(empty_lab).row("Publish figures")).to_have_attribute("data-open", "true")
    later = empty_lab.start("confirm", "Answered elsewhere")
    page.wait_for_function("() => ourNotifications.length === 2")
    assert page.evaluate("() => ourNotifications.map(each => each.record.closed)") == [True, False]
    empty_lab.answer(later)
    page.wait_for_function("() => ourNotifications[1].record.closed")

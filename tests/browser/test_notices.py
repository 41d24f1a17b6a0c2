"""What tells a person who looks elsewhere that a task waits: toast, title, screen reader, browser notification."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewPage
from tests.browser.empty_lab import LOUD, EmptyLab
from tests.browser.inbox import Inbox, forget_all
from tests.browser.jupyter_page import IN_REACH
from tests.support.jupyter_process import JupyterProcess, jupyter
from tests.support.waiting import eventually

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

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


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterProcess]:
    """A server whose pages show toasts."""
    fields = {**LOUD, "arguments": (*IN_REACH, *LOUD["arguments"])}
    with jupyter(tmp_path_factory.mktemp("loud"), kind="lab", **fields) as server:
        yield server


@pytest.fixture
def lab_page(new_page: NewPage, loud: JupyterProcess) -> Iterator[EmptyLab]:
    """JupyterLab with nothing open, on a server where nothing waits."""
    forget_all(loud)
    page = EmptyLab(new_page(permissions=["notifications"]), loud)
    yield page
    page.put_settings_back()


def test_a_toast_approves_a_question_but_not_by_a_click_that_was_meant_for_what_was_there_before(
    lab_page: EmptyLab,
) -> None:
    lab_page.open_empty()
    lab_page.page.evaluate(CLICK_AT_ONCE)
    session_id = lab_page.start("confirm", "Publish figures", "Publish them?")
    expect(lab_page.toasts).to_have_count(1)
    expect(lab_page.toasts).to_contain_text("Publish figures: Publish them?")
    expect(lab_page.read_out).to_contain_text("Question from Publish figures: Publish them?")
    expect(lab_page.page).to_have_title("(1) JupyterLab")
    lab_page.page.wait_for_function("() => window.clicksAtOnce.length === 4")
    assert lab_page.page.evaluate("() => window.clicksAtOnce") == [True] * 4
    assert lab_page.info(session_id)["status"] == "waiting"
    lab_page.button("Approve").click()
    expect(lab_page.toasts).to_have_count(0)
    eventually(lambda: lab_page.info(session_id)["status"] == "completed", "the answer arrives")
    assert pickle.loads(lab_page.server.request("GET", f"hitl/sessions/{session_id}/result").body) is True
    expect(lab_page.read_out).to_contain_text("Publish figures completed")
    expect(lab_page.page).to_have_title("JupyterLab")


def test_questions_share_one_toast_that_goes_as_they_are_answered_elsewhere_and_approves_nothing_unseen(
    lab_page: EmptyLab,
) -> None:
    lab_page.open_empty()
    with_evidence = lab_page.start("look_first", "Publish figures")
    expect(lab_page.toasts).to_contain_text("Publish figures")
    expect(lab_page.button("Open")).to_be_visible()
    expect(lab_page.button("Approve")).to_have_count(0)
    plain = lab_page.start("confirm", "Train a model")
    expect(lab_page.toasts.filter(has_text="2 questions wait for you")).to_be_visible()
    expect(lab_page.toasts).to_have_count(1)
    expect(lab_page.button("Open inbox")).to_be_visible()
    expect(lab_page.button("Approve")).to_have_count(0)
    lab_page.answer(with_evidence)
    expect(lab_page.toasts).to_contain_text("Train a model: Go on?")
    expect(lab_page.toasts).to_have_count(1)
    expect(lab_page.button("Approve")).to_be_visible()
    lab_page.answer(plain, False)
    expect(lab_page.toasts).to_have_count(0)
    expect(lab_page.page).not_to_have_title(MARKED)


def test_open_leads_to_the_row_and_what_can_be_seen_anyway_brings_no_toast(lab_page: EmptyLab) -> None:
    lab_page.open_empty()
    inbox = Inbox(lab_page)
    lab_page.start("confirm", "Publish figures")
    first = lab_page.start("confirm", "Train a model")
    lab_page.button("Open inbox").click()
    inbox.expect_in("waiting", "Publish figures")
    expect(inbox.row("Train a model")).to_have_attribute("data-open", "false")
    expect(lab_page.toasts).to_have_count(0)
    lab_page.start("confirm", "Listed at the side")
    inbox.expect_in("waiting", "Listed at the side")
    expect(lab_page.page).to_have_title(re.compile(r"^\(3\) "))
    lab_page.expect_no_toast_but()

    lab_page.execute("application:toggle-left-area")
    lab_page.execute("hitl:open-session", sessionId=first)
    expect(lab_page.page.locator(".jp-hitl-SessionTab")).to_contain_text("Go on?")
    session_id = lab_page.start("after_a_word", "Nobody looks at it", "Sure,")
    expect(lab_page.toasts).to_contain_text("Nobody looks at it: Who are you?")
    expect(lab_page.button("Approve")).to_have_count(0)
    lab_page.button("Open").click()
    expect(inbox.row("Nobody looks at it")).to_have_attribute("data-open", "true")
    lab_page.execute("hitl:open-session", sessionId=session_id)
    lab_page.execute("application:toggle-left-area")
    tab = lab_page.page.locator(".jp-hitl-SessionTab:visible")
    expect(tab).to_contain_text("Who are you?")
    tab.get_by_label("Name").fill("ada")
    tab.get_by_role("button", name="Submit", exact=True).click()
    expect(tab).to_contain_text("Sure, ada?")
    lab_page.expect_no_toast_but()


def test_dont_show_again_turns_toasts_off_for_good_until_a_command_turns_them_on(lab_page: EmptyLab) -> None:
    lab_page.open_empty()
    lab_page.remember_settings(NOTICES)
    lab_page.start("confirm", "Publish figures")
    lab_page.button("Don’t show again").click()
    expect(lab_page.toasts).to_have_count(0)
    eventually(lambda: '"toasts": false' in stored(lab_page), "the setting is stored")
    lab_page.open_empty()
    lab_page.start("confirm", "Train a model")
    expect(lab_page.page).to_have_title("(2) JupyterLab")
    expect(lab_page.read_out).to_contain_text("Train a model")
    lab_page.expect_no_toast_but()
    lab_page.execute("hitl:toggle-toasts")
    eventually(lambda: '"toasts": true' in stored(lab_page), "the setting is stored")
    lab_page.start("confirm", "Third")
    expect(lab_page.toasts).to_contain_text("Third")


def stored(page: EmptyLab) -> str:
    """The user's settings of the notices, as they stand in the file."""
    raw: str = page.server.request("GET", f"lab/api/settings/{NOTICES}").json()["raw"]
    return raw


def test_the_browser_notifies_only_once_it_was_turned_on_and_while_the_page_is_hidden(lab_page: EmptyLab) -> None:
    page = lab_page.page
    page.add_init_script(RECORD_NOTIFICATIONS)
    lab_page.open_empty()
    lab_page.remember_settings(NOTICES)
    page.evaluate(HIDE, True)
    lab_page.start("confirm", "While it is off")
    expect(lab_page.read_out).to_contain_text("While it is off")
    lab_page.execute("hitl:toggle-browser-notifications")
    eventually(lambda: '"browserNotifications": true' in stored(lab_page), "the setting is stored")
    page.evaluate(HIDE, False)
    lab_page.start("confirm", "While it is seen")
    expect(lab_page.read_out).to_contain_text("While it is seen")
    page.evaluate(HIDE, True)
    session_id = lab_page.start("confirm", "Publish figures", "Publish them?")
    (request,) = lab_page.asked(session_id)
    expect(lab_page.read_out).to_contain_text("Publish them?")
    (told,) = page.evaluate("() => ourNotifications.map(each => each.record)")
    assert told == {
        "title": "Question from Publish figures",
        "body": "Publish them?",
        "tag": request["request_id"],
        "closed": False,
    }
    page.evaluate("() => ourNotifications[0].onclick()")
    expect(Inbox(lab_page).row("Publish figures")).to_have_attribute("data-open", "true")
    later = lab_page.start("confirm", "Answered elsewhere")
    page.wait_for_function("() => ourNotifications.length === 2")
    assert page.evaluate("() => ourNotifications.map(each => each.record.closed)") == [True, False]
    lab_page.answer(later)
    page.wait_for_function("() => ourNotifications[1].record.closed")

"""The view in a cell's output, clicked as a person clicks it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.cells import BLOCKED, BUSY_LOOP, EMAIL, ORDER, QUESTION, View
from tests.browser.lab_page import LabPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_the_demo_is_clicked_through_from_its_form_to_its_result(notebook: LabPage) -> None:
    notebook.open("demo.ipynb", EMAIL.format(pause=0.05))
    notebook.run_all()
    view = View(notebook)
    view.fill_in_the_email()
    view.click("Submit")
    view.shows("Simulated failure")
    view.click("Retry")
    view.shows("Send the e-mail to ada@example.org?")
    view.shows("Processing email step 3/3...")
    view.click("Confirm")
    view.shows("Completed")
    view.shows("Figures of October")
    notebook.add_and_run("print(session.result()['to_address'], session.status)")
    expect(notebook.output()).to_contain_text("ada@example.org completed")


def test_declining_ends_as_not_confirmed(notebook: LabPage) -> None:
    notebook.open("decline.ipynb", QUESTION)
    notebook.run_all()
    view = View(notebook)
    view.shows("Go on?")
    view.click("Decline")
    view.shows("after the question: False")
    view.shows("Completed")


def test_what_does_not_validate_is_said_at_its_field_and_the_form_stays(notebook: LabPage) -> None:
    notebook.open("order.ipynb", ORDER)
    notebook.run_all()
    view = View(notebook)
    view.shows("What do you order?")
    view.fill("Item", "gloves")
    view.fill("Amount", "3")
    view.click("Submit")
    view.shows("Gloves come in pairs.")
    expect(view.field("Item")).to_have_value("gloves")
    view.fill("Amount", "4")
    view.click("Submit")
    view.shows("Completed")
    notebook.add_and_run("print(session.result())")
    expect(notebook.output()).to_contain_text("{'item': 'gloves', 'amount': 4}")


def test_a_busy_loop_is_cancelled_by_one_click(notebook: LabPage) -> None:
    notebook.open("busy.ipynb", BUSY_LOOP)
    notebook.run_all()
    view = View(notebook)
    view.shows("spinning")
    view.click("Cancel")
    view.shows("Cancelled", within_ms=12_000)


def test_force_is_the_second_step_of_cancel_and_ends_at_once(notebook: LabPage) -> None:
    notebook.open("force.ipynb", BUSY_LOOP)
    notebook.run_all()
    view = View(notebook)
    view.shows("spinning")
    expect(view.button("Force")).to_have_count(0)
    view.click("Cancel")
    view.click("Force")
    view.shows("Cancelled", within_ms=3_000)


def test_a_reload_in_the_middle_shows_stream_and_question_again(notebook: LabPage) -> None:
    notebook.open("reload.ipynb", QUESTION)
    notebook.run_all()
    View(notebook).shows("Go on?")
    notebook.save()
    notebook.reload()
    view = View(notebook)
    view.shows("before the question")
    view.click("Confirm")
    view.shows("after the question: True")
    view.shows("Completed")


def test_a_kernel_restart_in_the_middle_and_attach_shows_the_whole_session(notebook: LabPage) -> None:
    notebook.open("restart.ipynb", QUESTION)
    notebook.run_all()
    View(notebook).shows("Go on?")
    notebook.restart_kernel()
    notebook.add_and_run("import hitl_jupyter as hitl\nsession = hitl.attach()\nsession")
    view = View(notebook)
    view.shows("before the question")
    view.click("Confirm")
    view.shows("after the question: True")
    notebook.add_and_run("print(session.result())")
    expect(notebook.output()).to_contain_text("{'went on': True}")


def test_running_a_cell_with_the_same_key_again_shows_the_same_session(notebook: LabPage) -> None:
    notebook.open("key.ipynb", ORDER, "first = session.id")
    notebook.run_all()
    View(notebook, 0).shows("What do you order?")
    notebook.add_and_run(ORDER + "\nprint('same', session.id == first)")
    expect(notebook.output()).to_contain_text("same True")


def test_a_question_is_answered_while_a_cell_blocks_the_kernel(notebook: LabPage) -> None:
    notebook.open("blocked.ipynb", QUESTION, BLOCKED)
    notebook.run_all(and_wait=False)
    view = View(notebook, 0)
    view.shows("Go on?")
    notebook.expect_running(1)
    view.click("Confirm")
    view.shows("Completed")
    notebook.expect_running(1)


@pytest.mark.extended
def test_a_question_answered_in_one_tab_is_settled_in_the_other(notebook: LabPage, browser: Browser) -> None:
    notebook.open("two_tabs.ipynb", QUESTION)
    notebook.run_all()
    here = View(notebook)
    here.shows("Go on?")
    notebook.save()
    context = browser.new_context()
    other = LabPage(context.new_page(), notebook.server)
    other.open("two_tabs.ipynb")
    there = View(other)
    there.shows("Go on?")
    there.click("Confirm")
    here.shows("Completed")
    expect(here.button("Confirm")).to_have_count(0)
    context.close()

"""The lab itself, before any widget of ours: it starts, it computes, and it keeps to this machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from workbench.lessons import copy_lessons

MEGABYTE = 2**20
LESSONS = Path(__file__).resolve().parents[2] / "notebooks"


def test_the_lab_opens_on_a_copy_of_the_tour_and_its_links_lead_to_copies(lab):
    lab.home()
    nb = lab.opened("my-notebooks/00_tour.ipynb")
    assert Path(nb.python("import os; print(os.getcwd())")) == lab.root / "my-notebooks"
    lab.page.keyboard.press("Control+End")
    link = lab.page.locator(".jp-NotebookPanel .jp-MarkdownCell a[href*='ipynb']").last
    link.click()
    lab.page.wait_for_function(
        "() => /my-notebooks.0\\d_/.test(jupyterapp.shell.currentWidget.context?.path)"
    )


def test_what_is_typed_into_a_lesson_is_kept_in_the_copy_and_the_lesson_stays_as_it_is(lab):
    nb = lab.open("my-notebooks/02_attention.ipynb")
    lab.page.locator(".jp-NotebookPanel .jp-CodeCell .cm-content").first.click()
    lab.page.keyboard.press("Control+Home")
    lab.page.keyboard.type("# mine\n")
    lab.page.keyboard.press("Control+S")
    lab.page.wait_for_function("() => !jupyterapp.shell.currentWidget.context.model.dirty")
    assert "# mine" in nb.file.read_text("utf-8")
    assert (lab.root / "notebooks/02_attention.ipynb").read_bytes() == (
        LESSONS / "02_attention.ipynb"
    ).read_bytes()
    assert "02_attention (new).ipynb" not in {path.name for path in nb.file.parent.iterdir()}
    original = lab.root / "notebooks" / "02_attention.ipynb"
    original.write_text(
        original.read_text("utf-8").replace("What attention is", "What attention became"), "utf-8"
    )
    (said,) = copy_lessons(lab.root).said
    assert "02_attention" in said and "# mine" in nb.file.read_text("utf-8")
    original.write_bytes((LESSONS / "02_attention.ipynb").read_bytes())
    nb.file.write_bytes(original.read_bytes())


def test_a_slider_moves_and_python_sees_it(lab):
    nb = lab.open(
        ["import ipywidgets as w\nprint('ready')", "slider = w.IntSlider(description='size')\nslider"]
    )
    nb.run_all()
    expect(nb.output(0)).to_have_text("ready")
    nb.output(1).get_by_role("slider").press("ArrowRight")
    nb.wait_until("slider.value == 1")
    lab.screenshot("slider")


def test_the_kernel_is_this_environments_and_cannot_leave_the_machine(lab):
    import sys

    nb = lab.open(["1"])
    assert nb.python("import sys; print(sys.prefix)") == sys.prefix
    with pytest.raises(AssertionError, match="may not leave this machine"):
        nb.python("import urllib.request as r; r.urlopen('http://example.org', timeout=5)")


def test_the_themes_switch_and_come_back(lab):
    lab.open(["1"])
    lab.theme("dark")
    lab.screenshot("dark")
    lab.theme("light")


@pytest.mark.parametrize("megabytes", [12, 60])
def test_a_large_upload_arrives_whole_and_the_kernel_stays(lab, tmp_path, megabytes):
    big = tmp_path / "big.bin"
    big.write_bytes(b"\x07" * (megabytes * MEGABYTE))
    nb = lab.open(["import ipywidgets as w", "upload = w.FileUpload()\nupload"])
    nb.run_all()
    with lab.page.expect_file_chooser() as chooser:
        nb.output(1).get_by_role("button").click()
    chooser.value.set_files(big)
    nb.wait_until("len(upload.value) == 1", seconds=120)
    assert (
        nb.python("print(upload.value[0].size, set(bytes(upload.value[0].content)))")
        == f"{megabytes * MEGABYTE} {{7}}"
    )


def test_no_dialog_and_no_notification_greets_the_user(lab):
    lab.open(["1"])
    lab.page.wait_for_timeout(3000)  # the notification would come after the page has settled
    expect(lab.page.locator(".jp-Dialog")).to_have_count(0)
    expect(lab.page.locator(".jp-Notification-List, .Toastify__toast")).to_have_count(0)


def test_a_request_that_leaves_this_machine_is_seen_and_gets_nowhere(lab):
    lab.open(["1"])
    lab.page.evaluate("fetch('http://example.org/').catch(() => 0)")
    with pytest.raises(AssertionError, match=r"requests that leave this machine: \['http://example\.org/'\]"):
        lab.check()
    assert any("ERR_NAME_NOT_RESOLVED" in error for error in lab.errors)
    lab.outside.clear()
    lab.errors.clear()

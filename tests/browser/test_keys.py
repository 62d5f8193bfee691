"""Every text field of every widget takes keys as a field of any page does, and the notebook around it never does.

The fields are found in the page, so that one added later is held to the same: behind tabs and in folded parts too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import by_key
import five_widgets as five
import pytest
from jupyter_page import LabPage, Notebook
from playwright.sync_api import CDPSession, Locator

#: Boards that show fields which the screens of five_widgets.py have no use for.
MORE = {
    "comparing": """from workbench.fusion import examples
from widgets import FusionBoard
comparing = FusionBoard(examples=examples(data.load("digits-words", task="xor", n=200)))
comparing""",
}
BOARDS = [*five.WIDGETS, *MORE]
#: What must at least be found, or the search for fields itself is broken.
KNOWN = {"zero_shot": "TEXTAREA", "attribution": "INPUT", "atlas": "INPUT"}

#: Counts what the page asks of the kernel: the names of messages to widgets, as they leave.
_COUNT_SENT = """() => {
    const send = WebSocket.prototype.send;
    window.__sent = 0;
    WebSocket.prototype.send = function (data) {
        const text = typeof data === "string" ? data : new TextDecoder().decode(data);
        if (text.includes('"comm_msg"')) window.__sent += 1;
        return send.call(this, data);
    };
}"""
_UNFOLD = "(board) => board.querySelectorAll('details').forEach((one) => { one.open = true; })"
_OWN = """(field) => ({ value: field.value, type: field.type, tag: field.tagName, readOnly: field.readOnly,
    disabled: field.disabled, label: (field.getAttribute("aria-label") ?? field.labels?.[0]?.textContent
        ?? field.placeholder ?? "").trim().slice(0, 50), min: field.min, max: field.max })"""
_FOCUSED = """(field) => { let node = document.activeElement;
    while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement; return node === field; }"""


@pytest.fixture(scope="module")
def notebook(module_lab: LabPage) -> Notebook:
    page = module_lab.page
    page.add_init_script(f"({_COUNT_SENT})()")
    page.set_viewport_size({"width": 1440, "height": 900})
    notebook = module_lab.open([five.SET_UP, *five.WIDGETS.values(), *MORE.values()])
    notebook.run_all()
    return notebook


@pytest.fixture(scope="module")
def tried_before() -> set[tuple[str, ...]]:
    """Kind of board, kind of field and its label: boards of one kind share their front end, so once is enough."""
    return set()


@pytest.mark.parametrize("name", BOARDS)
def test_every_text_field_takes_keys_as_any_page_does(
    notebook: Notebook, tried_before: set[tuple[str, ...]], name: str
) -> None:
    board = notebook.output(1 + BOARDS.index(name)).locator(by_key.BOARD).first
    board.scroll_into_view_if_needed()
    five.settled(board)
    kind, wrong, tags = board.get_attribute("class") or "", [], set()
    for where, show in parts(board):
        show()
        for field in fields(board):
            own = field.evaluate(_OWN)
            tags.add(own["tag"])
            known = (kind, own["tag"], own["type"], own["label"])
            if known in tried_before:
                continue  # on another page of the board, or on a board of the same kind
            tried_before.add(known)
            wrong += [f"{where}{own['label'] or own['tag']}: {said}" for said in tried(notebook, field, show)]
    assert name not in KNOWN or KNOWN[name] in tags, f"only found: {tags}"
    assert not wrong, "\n".join(wrong)


def parts(board: Locator) -> Iterator[tuple[str, Callable[[], None]]]:
    """What a board shows: each page behind a tab, each panel behind a button. A name, and how to get there (again)."""
    tabs, menus = board.get_by_role("tab"), board.locator("button[aria-expanded]")
    for place in range(tabs.count()):
        tab = tabs.nth(place)
        if not tab.is_disabled() and tab.get_attribute("aria-disabled") != "true":
            yield f"{tab.inner_text().strip()}, ", partial(shown, board, tab, "aria-selected")
    if not tabs.count():
        yield "", partial(shown, board, None, "")
    for place in range(menus.count()):
        menu = menus.nth(place)
        if menu.is_visible() and menu.is_enabled():
            yield f"{menu.inner_text().strip()}, ", partial(shown, board, menu, "aria-expanded")


def shown(board: Locator, opener: Locator | None, state: str) -> None:
    """Open a part of a board, if it is not open, and all that is folded in it."""
    if opener is not None and opener.get_attribute(state) != "true":
        opener.click()
    board.evaluate(_UNFOLD)
    five.settled(board)


def fields(board: Locator) -> Iterator[Locator]:
    """The fields of what is shown in which one may write."""
    found = board.locator(by_key.FIELDS)
    for place in range(found.count()):
        field = found.nth(place)
        own = field.evaluate(_OWN)
        if field.is_visible() and not own["disabled"] and not own["readOnly"]:
            yield field


def tried(notebook: Notebook, field: Locator, show: Callable[[], None]) -> list[str]:
    """What a field does other than it should, each named; its text is put back at the end."""
    own, cells = field.evaluate(_OWN), by_key.cells_of(notebook)
    wrong: list[str] = []
    checks = [digits] if own["type"] == "number" else [typing, moving, composing]
    for check in [*checks, letters_that_are_shortcuts, keys_that_run_cells]:
        field.click()
        wrong += check(field, own)
        if by_key.cells_of(notebook) != cells:
            return [*wrong, f"{check.__name__}: the notebook's cells ran or were changed"]
    show()  # an Escape may have closed what the field is in
    put_back(field, own["value"])
    return wrong + tabbing(field)


def said(claims: dict[str, bool]) -> list[str]:
    return [name for name, holds in claims.items() if not holds]


def written(field: Locator, text: str) -> str:
    """What stands in a field after all of it was replaced by `text`, key by key."""
    field.page.keyboard.press("Control+A")
    field.page.keyboard.press("Delete")
    field.press_sequentially(text, delay=15)
    return field.input_value()


def typing(field: Locator, own: dict) -> list[str]:
    """Letters, select all, a new line where there are lines, undo and redo."""
    keyboard = field.page.keyboard
    claims = {"select all and typing": written(field, "abc") == "abc"}
    if own["tag"] == "TEXTAREA":
        keyboard.press("Enter")
        field.press_sequentially("de", delay=15)
        claims["Enter makes a new line"] = field.input_value() == "abc\nde"
    before = field.input_value()
    keyboard.press("Control+Z")
    claims["undo"] = field.input_value() != before
    for _ in range(12):  # as many as it may have taken
        if field.input_value() == before:
            break
        keyboard.press("Control+Shift+Z")
    claims["redo"] = field.input_value() == before
    field.page.wait_for_timeout(
        900
    )  # the kernel's answer, which must not take the text or the place in it away
    field.press_sequentially("f", delay=15)
    claims["typing on after the kernel answered"] = field.input_value() == before + "f"
    keyboard.press("Control+Z")
    claims["undo after the kernel answered"] = field.input_value() != before + "f"
    claims["focus stays"] = field.evaluate(_FOCUSED)
    return said(claims)


def moving(field: Locator, own: dict) -> list[str]:
    """Home, End and the arrows move within the text."""
    keyboard = field.page.keyboard
    written(field, "bd")
    keyboard.press("Home")
    field.press_sequentially("a")
    keyboard.press("ArrowRight")
    field.press_sequentially("c")
    keyboard.press("End")
    field.press_sequentially("e")
    keyboard.press("ArrowLeft")
    keyboard.press("Backspace")
    claims = {"Home, End, arrows, Backspace": field.input_value() == "abce"}
    if own["tag"] == "TEXTAREA":
        keyboard.press("End")
        keyboard.press("Enter")
        field.press_sequentially("2")
        keyboard.press("ArrowUp")
        field.press_sequentially("1")
        claims["arrow up goes a line up"] = field.input_value() == "a1bce\n2"
    claims["focus stays"] = field.evaluate(_FOCUSED)
    return said(claims)


def composing(field: Locator, own: dict) -> list[str]:
    """An input method: nothing is asked of the kernel while a word is being put together."""
    page = field.page
    session: CDPSession = page.context.new_cdp_session(page)
    written(field, "a")
    page.wait_for_timeout(1500)  # what the `a` asked for
    before = page.evaluate("() => window.__sent")
    for text in ("n", "ni", "nih"):
        session.send(
            "Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)}
        )
        page.wait_for_timeout(450)
    claims = {"nothing is sent in mid-composition": page.evaluate("() => window.__sent") == before}
    session.send("Input.insertText", {"text": "你好"})
    session.detach()
    page.wait_for_timeout(600)
    claims["what was composed stands in the field"] = field.input_value() == "a你好"
    claims["focus stays"] = field.evaluate(_FOCUSED)
    return said(claims)


def digits(field: Locator, own: dict) -> list[str]:
    """A number typed, undone, and moved by an arrow."""
    low, high = float(own["min"] or 1), float(own["max"] or 99)
    number = str(int(min(max(low, 2), high)))
    claims = {"select all and typing": written(field, number) == number}
    field.page.keyboard.press("ArrowUp")
    field.page.keyboard.press("ArrowDown")
    claims["arrows count"] = field.input_value() != ""
    claims["focus stays"] = field.evaluate(_FOCUSED)
    return said(claims)


def letters_that_are_shortcuts(field: Locator, own: dict) -> list[str]:
    """`dd` deletes a cell, `x` cuts one, `a` and `b` add one, `m` makes it Markdown: outside of a field."""
    field.press_sequentially("ddxabmz00", delay=15)
    claims = {"focus stays": field.evaluate(_FOCUSED)}
    if own["type"] != "number":
        claims["shortcuts are letters"] = "ddxabmz00" in field.input_value()
    return said(claims)


def keys_that_run_cells(field: Locator, own: dict) -> list[str]:
    """Shift+Enter runs a cell and Escape leaves one: outside of a field."""
    if own["type"] != "number":
        written(field, "q")
    for key in ("Shift+Enter", "Escape"):
        field.page.keyboard.press(key)
        field.page.wait_for_timeout(150)
    board = field.evaluate(
        "(field, board) => Boolean(field.closest(board)?.contains(document.activeElement))", by_key.BOARD
    )
    return said({"the keyboard stays in the widget": board})


def tabbing(field: Locator) -> list[str]:
    """Tab leaves a field without writing into it."""
    field.focus()
    before = field.input_value()
    field.page.keyboard.press("Tab")
    return said(
        {"Tab goes on": not field.evaluate(_FOCUSED), "Tab writes nothing": field.input_value() == before}
    )


def put_back(field: Locator, text: str) -> None:
    """The text that stood in a field, typed again."""
    field.click()
    field.page.keyboard.press("Control+A")
    field.page.keyboard.press("Delete")
    for place, line in enumerate(text.split("\n")):
        if place:
            field.page.keyboard.press("Enter")
        field.press_sequentially(line)
    field.page.wait_for_timeout(300)

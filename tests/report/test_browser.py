"""The report in a real browser: what can be seen, clicked, tabbed to, printed."""

import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright
from synthetic import make_config, make_tables

from gp_cells.report.page import MOST_ROWS, write_report

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
]
TASK = "bach_chorales"
COLOURS = """
() => {
  const painted = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const style = getComputedStyle(document.documentElement);
  return (name) => {
    painted.fillStyle = style.getPropertyValue(name).trim();
    painted.fillRect(0, 0, 1, 1);
    return [...painted.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
}
"""


def luminance(rgb):
    """Return how light a colour is, as WCAG 2 defines it."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in rgb]
    return sum(weight * v for weight, v in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(tab, name, ground):
    """Return the contrast of two of the page's colours, as WCAG 2 defines it."""
    both = tab.evaluate(f"(names) => names.map(({COLOURS})())", [name, ground])
    low, high = sorted(luminance([v / 255 for v in rgb]) for rgb in both)
    return (high + 0.05) / (low + 0.05)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a page of twelve searches and four designed cells on one task."""
    folder = tmp_path_factory.mktemp("searched")
    config = make_config(seeds=range(1, 7), waves=2)
    write_report(folder, "made_up", make_tables(folder, config), folder / "index.html")
    return folder / "index.html"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def show(browser, written):
    """Return a function that opens the page and waits until every chart is drawn."""
    contexts = []

    def opened(wait=True, **wanted):
        contexts.append(browser.new_context(**wanted))
        tab = contexts[-1].new_page()
        tab.errors = []
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.on("console", lambda said: said.type == "error" and tab.errors.append(said.text))
        tab.goto(written.as_uri())
        if wait and wanted.get("java_script_enabled", True):
            tab.wait_for_function("document.body.dataset.drawn === 'yes'", timeout=60_000)
        return tab

    yield opened
    for context in contexts:
        context.close()


def row_of(tab, cell):
    return tab.locator(f'.finalists tr[data-cell="{cell}"]')


def seen_in(tab, chart, cell):
    """Return the opacities of the marks of one cell, and of those of all others, in a chart."""
    opacities = """
    ([id, cell]) => {
      const found = [[], []];
      for (const mark of document.querySelectorAll(`#${id} .mark-symbol > *, #${id} .mark-line > *`)) {
        const name = mark.__data__?.datum?.cell ?? mark.__data__?.[0]?.datum?.cell;
        if (name) found[name === cell ? 0 : 1].push(Number(getComputedStyle(mark).opacity));
      }
      return found;
    }"""
    return tab.evaluate(opacities, [f"{TASK}-{chart}", cell])


def test_every_chart_is_drawn_without_an_error(show):
    tab = show()

    assert tab.errors == []
    assert tab.locator(".chart svg.marks").count() == tab.locator(".chart").count() > 5
    assert tab.locator(".chart.broken").count() == 0


def test_a_chart_is_drawn_as_soon_as_it_is_seen(show):
    tab = show(viewport={"width": 1280, "height": 700}, wait=False)
    tab.add_init_script("window.requestIdleCallback = () => {};")
    tab.reload()
    first, last = tab.locator(".chart").first, tab.locator(".chart").last
    expect(first.locator("svg.marks")).to_have_count(0)

    last.scroll_into_view_if_needed()

    expect(last.locator("svg.marks")).to_have_count(1)
    expect(first.locator("svg.marks")).to_have_count(0)


@pytest.mark.parametrize("chart", ["finalists", "curves", "sizes", "rates"])
def test_a_row_that_is_clicked_is_marked_in_every_chart(show, chart):
    tab = show()

    row_of(tab, "gru").locator(".pick").click()
    tab.wait_for_timeout(300)

    own, others = seen_in(tab, chart, "gru")
    assert own and others
    assert min(own) >= 0.7
    assert max(others) < 0.2


def test_a_mark_that_is_clicked_chooses_its_row_and_clicked_again_frees_it(show):
    tab = show()
    point = tab.locator(f"#{TASK}-finalists .mark-symbol.role-mark path").last
    cell = point.evaluate("(mark) => mark.__data__.datum.cell")
    point.scroll_into_view_if_needed()
    box = point.bounding_box()

    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    expect(row_of(tab, cell)).to_have_class("picked")
    expect(row_of(tab, cell)).to_be_visible()
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(tab.locator("tr.picked")).to_have_count(0)


def test_a_choice_is_made_by_key_and_cleared_by_escape(show):
    tab = show()
    button = row_of(tab, "lstm").locator(".pick")

    button.focus()
    tab.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(tab.locator("#picked")).to_contain_text("lstm")
    tab.keyboard.press("Escape")

    expect(button).to_have_attribute("aria-pressed", "false")
    expect(tab.locator("#picked")).to_be_hidden()
    tab.wait_for_timeout(300)
    assert max(seen_in(tab, "sizes", "gru")[0]) > 0.5


def test_the_choice_leads_to_its_drawing_and_formulas(show):
    tab = show()
    row_of(tab, "gru").click()

    tab.locator("#picked a").click()

    card = tab.locator(".gallery .card.picked")
    expect(card.locator("pre").first).to_contain_text("h' =")
    expect(card.locator("svg.small")).to_be_visible()
    expect(card).to_be_in_viewport()


def test_a_parent_is_unpacked_with_its_own_parents_and_closed_by_escape(show):
    tab = show()
    tab.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")

    tab.locator(".gallery .ask").first.click()

    dialog = tab.locator("#asked")
    expect(dialog).to_be_visible()
    expect(dialog.locator("svg.gp-cell")).to_be_visible()
    expect(dialog).to_contain_text("parameters")
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_a_heading_sorts_and_says_so(show):
    tab = show()
    heading = tab.locator(".finalists th", has_text="parameters")

    for order, sign in (("ascending", 1), ("descending", -1)):
        heading.locator("button").focus()
        tab.keyboard.press("Enter")
        expect(heading).to_have_attribute("aria-sort", order)
        values = tab.locator(".finalists tbody tr td:nth-child(5)").evaluate_all(
            "(cells) => cells.map((cell) => Number(cell.dataset.value))"
        )
        assert values == sorted(values, reverse=sign < 0)
    assert tab.locator(".finalists th[aria-sort]").count() == 1


def test_a_long_table_is_folded_until_all_of_it_is_asked_for(show):
    tab = show()
    rows = tab.locator(".finalists tbody tr")
    visible = rows.filter(visible=True)
    assert rows.count() == 16

    expect(visible).to_have_count(MOST_ROWS)
    tab.locator(".unfold").click()
    expect(visible).to_have_count(16)
    expect(tab.locator(".unfold")).to_have_attribute("aria-expanded", "true")


def test_a_phone_needs_no_sideways_scrolling(show):
    tab = show(viewport={"width": 360, "height": 740})
    tab.evaluate("document.querySelectorAll('details').forEach((fold) => (fold.open = true))")
    row_of(tab, "gru").locator(".pick").click()

    assert tab.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_marks_stand_out_from_their_ground(show, scheme):
    tab = show(color_scheme=scheme)
    grounds = ["--ground", "--card"]
    hues = [f"--hue-{i}" for i in range(8)]
    failures = ["--diverged", "--timeout", "--out-of-memory", "--invalid", "--stopped-early"]

    for ground in grounds:
        text = {name: contrast(tab, name, ground) for name in ("--ink", "--faint", "--accent")}
        marks = {name: contrast(tab, name, ground) for name in [*hues, *failures]}
        assert min(text.values()) >= 4.5, text
        assert min(marks.values()) >= 3, marks


def test_the_keyboard_reaches_everything_in_the_order_of_the_page(show):
    tab = show()
    places = []
    for _ in range(60):
        tab.keyboard.press("Tab")
        places.append(
            tab.evaluate(
                "() => { const at = document.activeElement, box = at.getBoundingClientRect();"
                " return [at.className || at.tagName, box.top + scrollY, box.width * box.height]; }"
            )
        )

    assert places[0][0] == "skip"
    names = [name for name, _, _ in places]
    assert {"pick", "A", "BUTTON", "scroll"} <= set(names)
    assert all(area > 0 for _, _, area in places)
    tops = [top for name, top, _ in places if name == "pick"]
    assert tops == sorted(tops)


def test_print_shows_the_whole_table_on_light_ground_without_controls(show):
    tab = show(color_scheme="dark")
    row_of(tab, "gru").click()

    tab.emulate_media(media="print")

    assert tab.locator(".finalists tbody tr").filter(visible=True).count() == 16
    for control in (".unfold", "#picked", "nav", ".with-script"):
        expect(tab.locator(control).first).to_be_hidden()
    tab.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
    assert tab.evaluate("document.documentElement.scrollWidth") <= 718
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = tab.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink')")
    assert ground == "rgb(255, 255, 255)"
    assert ink.strip() == "#1f2328"
    tab.emulate_media(media="print")
    assert len(tab.pdf(format="A4")) > 50_000


def test_without_scripts_everything_but_the_charts_can_be_read(show):
    tab = show(java_script_enabled=False)

    assert tab.locator(".finalists tbody tr").filter(visible=True).count() == 16
    expect(tab.locator(".unfold")).to_be_hidden()
    expect(tab.locator(".gallery svg.gp-cell").first).to_be_visible()
    assert re.search("need JavaScript", tab.locator("noscript").inner_text())


@pytest.mark.parametrize(("kind", "begins"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_a_chart_is_saved_in_light_colours_whatever_the_page_has(show, kind, begins):
    tab = show(color_scheme="dark")

    with tab.expect_download() as waited:
        tab.locator(f'.save button[data-chart="{TASK}-finalists"][data-as="{kind}"]').click()

    assert waited.value.suggested_filename == f"{TASK}-finalists.{kind}"
    content = waited.value.path().read_bytes()
    assert content.startswith(begins)
    assert b"var(--" not in content
    assert kind == "png" or b"#1f2328" in content  # ink on light ground
    assert tab.errors == []

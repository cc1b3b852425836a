"""The landing page in a real browser."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.exporter_process import ExporterProcess
from tests.support.tools import require_tool
from tests.support.upstream import (
    CHARACTERIZATION,
    FLEET,
    PATIENCE_SECONDS,
    Held,
    Script,
    Upstream,
    characterized,
    ok,
    status,
)

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
LAPTOP: ViewportSize = {"width": 1024, "height": 768}
TABLET: ViewportSize = {"width": 768, "height": 1024}
PHONE: ViewportSize = {"width": 390, "height": 844}
PAPER: ViewportSize = {"width": 703, "height": 1000}
"""A4 with margins of 12 mm."""

SCRIPT = "<script>document.title = 'forged'</script>"
IMAGE = "<img src=x onerror=\"document.title = 'forged'\">"
BREAKOUT = '"><svg onload="document.title = \'forged\'">'
TEMPLATE = "{{ 7 * 7 }}{% if %}"

HOSTILE = [
    *FLEET,
    {"backend": SCRIPT, "location": IMAGE, "status": BREAKOUT, "qubits": 10**17, "kw": 1e300},
    {"backend": TEMPLATE, "location": "x" * 256, "status": "y" * 256, "average_queue_time": 1e300},
    {"backend": "z" * 256, "last_updated": 253402300799},
    {"backend": "nothing but a name"},
]

MANY = [
    *FLEET,
    *(
        FLEET[0] | {"backend": f"qpu.forte-enterprise-{number}", "location": location, "degraded": True}
        for number, location in enumerate(
            ("Basel, Switzerland", "Chattanooga, TN, USA", "Colorado Springs, CO, USA")
        )
    ),
    FLEET[0] | {"backend": "qpu.aria-1", "status": "retired"},
    FLEET[0] | {"backend": "qpu.tempo-1", "status": "calibrating"},
    FLEET[0] | {"backend": "qpu.tempo-2", "status": "unavailable"},
]
DOWN = [FLEET[0] | {"status": "unavailable"}, FLEET[1]]

PAGES: dict[str, Script] = {
    "usual": ok(),
    "hostile": ok(json.dumps(HOSTILE).encode()),
    "many": ok(json.dumps(MANY).encode(), {"X-IonQ-Simulator": "seed=1"}),
    "down": ok(json.dumps(DOWN).encode()),
    "none": ok(b"[]"),
    "failure": status(
        500, {"x-request-id": "x" * 300}, json.dumps({"message": SCRIPT + "y" * 9999}).encode()
    ),
}

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def flags() -> tuple[str, ...]:
    return ("--collector.characterizations",)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = require_tool("chromium", "chromium-browser", "google-chrome", package="chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser, exporter: ExporterProcess) -> Iterator[OpenPage]:
    """Opens the landing page, and fails the test where the browser reports anything."""
    complaints: list[str] = []
    contexts = []

    def open_page(url: str | None = None, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(url or exporter.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def show(exporter: ExporterProcess, upstream: Upstream) -> Callable[[str], None]:
    """Makes a scrape whose result the page shows next."""

    def show(content: str) -> None:
        upstream.characterizes(lambda request: characterized(request, CHARACTERIZATION | {"backend": None}))
        for name in ("usual", content):
            upstream.answers(PAGES[name])
            exporter.scrape()

    return show


@pytest.mark.parametrize(
    ("content", "viewport", "scheme"),
    [
        ("usual", DESKTOP, "light"),
        ("usual", DESKTOP, "dark"),
        ("usual", PHONE, "light"),
        ("usual", PHONE, "dark"),
        ("many", DESKTOP, "light"),
        ("many", LAPTOP, "light"),
        ("many", TABLET, "dark"),
        ("many", PHONE, "dark"),
        ("down", DESKTOP, "light"),
        ("down", PHONE, "dark"),
        ("hostile", DESKTOP, "dark"),
        ("hostile", LAPTOP, "light"),
        ("hostile", TABLET, "light"),
        ("hostile", PHONE, "light"),
        ("failure", DESKTOP, "light"),
        ("failure", PHONE, "dark"),
        ("none", PHONE, "light"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value["width"]),
)
def test_the_page_fits_the_screen_and_the_browser_has_no_complaint(
    open_page: OpenPage,
    show: Callable[[str], None],
    tmp_path: Path,
    content: str,
    viewport: ViewportSize,
    scheme: str,
) -> None:
    show(content)
    page = open_page(viewport=viewport, color_scheme=scheme)
    page.screenshot(path=tmp_path / f"{content}-{viewport['width']}-{scheme}.png", full_page=True)
    assert "IonQ exporter" in page.title()
    assert _fits(page)


def test_the_page_fits_on_paper(open_page: OpenPage, show: Callable[[str], None], tmp_path: Path) -> None:
    show("many")
    page = open_page(viewport=PAPER)
    page.emulate_media(media="print", color_scheme="dark")
    page.screenshot(path=tmp_path / "paper.png", full_page=True)
    assert _fits(page)
    assert page.get_by_role("columnheader", name="Wait").is_visible()
    assert not page.get_by_role("navigation").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_demo_shows_what_the_status_page_says(
    open_page: OpenPage, tmp_path: Path, viewport: ViewportSize
) -> None:
    with ExporterProcess(None, "--simulator.listen-address=127.0.0.1:0", command="demo") as demo:
        while not demo.scrape().value("ionq_status_page_up"):
            pass
        page = open_page(demo.url, viewport=viewport)
        page.screenshot(path=tmp_path / "demo.png", full_page=True)
        assert page.get_by_role("link", name="Maintenance of the demo").is_visible()
        assert _fits(page)


def _fits(page: Page) -> bool:
    return bool(
        page.evaluate(
            """document.documentElement.scrollWidth <= innerWidth
               && [...document.querySelectorAll('td, p')].every(e => e.scrollWidth <= e.clientWidth + 1)"""
        )
    )


def test_hostile_names_are_shown_as_text_and_no_script_runs(
    open_page: OpenPage, show: Callable[[str], None]
) -> None:
    show("hostile")
    page = open_page(viewport=DESKTOP)
    shown = page.inner_text("main")
    for text in (SCRIPT, IMAGE, BREAKOUT, TEMPLATE):
        assert text in shown
    assert page.title() == "1 of 1 QPU available · IonQ exporter"
    assert page.locator("script, img, svg").count() == 0


def test_a_script_that_got_in_would_not_be_run(exporter: ExporterProcess) -> None:
    policy = exporter.get().headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_can_be_read_without_javascript(
    open_page: OpenPage, show: Callable[[str], None], viewport: ViewportSize
) -> None:
    show("usual")
    page = open_page(java_script_enabled=False, viewport=viewport)
    shown = page.inner_text("main")
    for text in (
        "1 of 1 QPU available",
        "Shortest wait 17 d at qpu.forte-1",
        "College Park, MD, USA",
        "available",
        "36",
        "4,903",
        "99.50%",
        "ago",
    ):
        assert text in shown


def test_states_are_words(open_page: OpenPage, show: Callable[[str], None]) -> None:
    show("many")
    states = open_page().locator(".state").all_inner_texts()
    assert set(states) == {"available", "degraded", "calibrating", "unavailable", "retired"}


def test_the_page_renews_itself_without_javascript(open_page: OpenPage) -> None:
    with Upstream() as slow:
        response = Held(ok())
        slow.answers(response)
        with ExporterProcess(slow.url) as starting:
            page = open_page(starting.url, java_script_enabled=False)
            assert page.title() == "Reading IonQ · IonQ exporter"
            response.release()
            page.get_by_text("1 of 1 QPU available").wait_for(timeout=PATIENCE_SECONDS * 1000)


def test_the_link_leads_to_the_metrics(open_page: OpenPage, exporter: ExporterProcess) -> None:
    page = open_page()
    link = page.get_by_role("link", name="Metrics", exact=True)
    assert link.evaluate("link => link.href") == exporter.urls[0]


def test_behind_a_path_prefix_the_link_keeps_the_prefix(browser: Browser, exporter: ExporterProcess) -> None:
    page = browser.new_page()
    page.route("http://proxy.test/ionq/", lambda route: route.fulfill(body=exporter.read_page()))
    page.goto("http://proxy.test/ionq/")
    link = page.get_by_role("link", name="Metrics", exact=True)
    assert link.evaluate("link => link.href") == "http://proxy.test/ionq/metrics"
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("content", ["many", "failure"])
def test_text_stands_out_from_its_background(
    open_page: OpenPage, show: Callable[[str], None], content: str, scheme: str
) -> None:
    show(content)
    page = open_page(color_scheme=scheme)
    pairs = page.evaluate(
        """[...document.querySelectorAll('body *')].filter(e => e.innerText).map(element => {
             let behind = element;
             const background = () => getComputedStyle(behind).backgroundColor;
             while (background() === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
             return [getComputedStyle(element).color, background()];
           })"""
    )
    colors = {tuple(pair) for pair in pairs}
    assert len(colors) >= 4
    for color, background in colors:
        assert _contrast(color, background) >= 4.5, (color, background)


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors as the accessibility guidelines define it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = [int(part) / 255 for part in color.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

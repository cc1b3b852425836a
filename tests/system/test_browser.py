"""The landing page in a real browser."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from tests.support.exporter_process import ExporterProcess
from tests.support.tools import require_tool
from tests.support.upstream import CHARACTERIZATION, FLEET, Script, Upstream, characterized, ok, status

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
LAPTOP: ViewportSize = {"width": 1024, "height": 768}
TABLET: ViewportSize = {"width": 768, "height": 1024}
PHONE: ViewportSize = {"width": 390, "height": 844}

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
        FLEET[0] | {"backend": f"qpu.forte-enterprise-{number}", "location": location}
        for number, location in enumerate(
            ("Basel, Switzerland", "Chattanooga, TN, USA", "Colorado Springs, CO, USA")
        )
    ),
]

PAGES: dict[str, Script] = {
    "usual": ok(),
    "hostile": ok(json.dumps(HOSTILE).encode()),
    "many": ok(json.dumps(MANY).encode()),
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

    def open_page(**options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(request.url))
        page.goto(exporter.url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


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
    exporter: ExporterProcess,
    upstream: Upstream,
    tmp_path: Path,
    content: str,
    viewport: ViewportSize,
    scheme: str,
) -> None:
    upstream.answers(PAGES[content])
    upstream.characterizes(lambda request: characterized(request, CHARACTERIZATION | {"backend": None}))
    exporter.scrape()
    page = open_page(viewport=viewport, color_scheme=scheme)
    page.screenshot(path=tmp_path / f"{content}-{viewport['width']}-{scheme}.png", full_page=True)
    assert page.title() == "IonQ exporter"
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    assert page.evaluate(
        "[...document.querySelectorAll('td, p')].every(e => e.scrollWidth <= e.clientWidth + 1)"
    )


def test_hostile_names_are_shown_as_text_and_no_script_runs(
    open_page: OpenPage, exporter: ExporterProcess, upstream: Upstream
) -> None:
    upstream.answers(PAGES["hostile"])
    exporter.scrape()
    page = open_page(viewport=DESKTOP)
    shown = page.inner_text("main")
    for text in (SCRIPT, IMAGE, BREAKOUT, TEMPLATE):
        assert text in shown
    assert page.title() == "IonQ exporter"
    assert page.locator("script, img, svg").count() == 0


def test_a_script_that_got_in_would_not_be_run(exporter: ExporterProcess) -> None:
    policy = exporter.get().headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.usefixtures("upstream")
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_can_be_read_without_javascript(
    open_page: OpenPage, exporter: ExporterProcess, viewport: ViewportSize
) -> None:
    exporter.scrape()
    page = open_page(java_script_enabled=False, viewport=viewport)
    shown = page.inner_text("main")
    for text in (
        "qpu.forte-1",
        "College Park, MD, USA",
        "available",
        "36",
        "17d 17h",
        "4,902.81",
        "99.50%",
        "no",
        "ago",
    ):
        assert text in shown


def test_the_link_leads_to_the_metrics(open_page: OpenPage, exporter: ExporterProcess) -> None:
    page = open_page()
    link = page.get_by_role("link", name="Metrics", exact=True)
    assert link.evaluate("link => link.href") == exporter.urls[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_background(
    open_page: OpenPage, exporter: ExporterProcess, upstream: Upstream, scheme: str
) -> None:
    upstream.answers(PAGES["hostile"])
    exporter.scrape()
    page = open_page(color_scheme=scheme)
    colours = page.evaluate(
        """[...document.querySelectorAll('body, a, .quiet, .good, .bad, .other, td, th')].map(element =>
             getComputedStyle(element).color)"""
    )
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert len(set(colours)) >= 4
    for colour in set(colours):
        assert _contrast(colour, background) >= 4.5, colour


def _contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours as the accessibility guidelines define it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

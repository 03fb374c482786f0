"""The app in a real browser, against a real store: a person approves, edits and stops a post, and reads every page.

Needs Debian's Chromium. Without it the tests skip (they fail in CI) and name the command that installs it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from apps.streamlit.server import command, environment
from benchmarks.ports import free_port
from benchmarks.screenshots import INSTALL, PAGES, browser_page, chromium, served, wait_for_app
from contracts.clock import FixedClock
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import ItemState, SqlStore, open_store
from tests.unit.app.demo_home import ITEMS, NOW, DemoClock, write_demo_home

pytestmark = pytest.mark.integration
SCOPE = TenantScope.of("harbor-coffee")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    if chromium() is None:
        message = f"no Chromium: {INSTALL}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return write_demo_home(tmp_path_factory.mktemp("browser") / "home")


@pytest.fixture(scope="module")
def app(home: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of the running app."""
    clock, port = DemoClock(), free_port()
    env = {**environment(home), "PULSO_NETWORK_BASE_URL": clock.url}
    url, log = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("log") / "app.log"
    with served(command(port=port), env=env, health=f"{url}/_stcore/health", log=log):
        yield url
    clock.close()


@pytest.fixture(scope="module")
def page(home: Settings) -> Iterator[Page]:
    with browser_page() as page:
        yield page


@pytest.fixture
def store(home: Settings) -> Iterator[SqlStore]:
    """The same store, opened beside the app."""
    with open_store(home, clock=FixedClock(NOW)) as store:
        yield store


def _calendar(page: Page, app: str) -> None:
    page.goto(f"{app}/calendar?client=harbor-coffee")
    wait_for_app(page)
    page.get_by_role("textbox", name="Your name").fill("Ana Browser")
    page.get_by_role("textbox", name="Your name").press("Enter")
    wait_for_app(page)


def _open_item(page: Page, content_item_id: str) -> None:
    page.locator(f".st-key-open-{content_item_id} button:visible").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    wait_for_app(page)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_draws_and_asks_nothing_outside(page: Page, app: str, name: str) -> None:
    foreign: list[str] = []
    errors: list[str] = []

    def on_request(request) -> None:
        if not request.url.startswith((app, app.replace("http", "ws"), "data:", "blob:")):
            foreign.append(request.url)

    def on_error(error) -> None:
        errors.append(str(error))

    page.on("request", on_request)
    page.on("pageerror", on_error)
    page.goto(f"{app}/{'' if name == 'overview' else name}?client=harbor-coffee")
    wait_for_app(page)
    page.remove_listener("request", on_request)
    page.remove_listener("pageerror", on_error)
    assert page.locator("[data-testid='stException']").count() == 0
    assert page.locator("h1").inner_text()
    assert foreign == []
    assert errors == []


def test_a_person_approves_a_post(page: Page, app: str, store: SqlStore) -> None:
    _calendar(page, app)
    assert store.item(SCOPE, ITEMS.to_approve).state is ItemState.DRAFT
    _open_item(page, ITEMS.to_approve)
    page.locator(".st-key-approve button:visible").click()
    expect(page.get_by_text("Approved.", exact=True)).to_be_visible()
    expect(page.get_by_role("dialog")).to_be_hidden()
    view = store.item(SCOPE, ITEMS.to_approve)
    assert view.state is ItemState.APPROVED
    assert view.approval is not None
    assert view.approval.actor == "Ana Browser"
    assert [entry.content_item_id for entry in store.outbox(SCOPE, states=["pending"])].count(ITEMS.to_approve) == 1


def test_a_person_edits_a_post_and_the_approval_falls(page: Page, app: str, store: SqlStore) -> None:
    _calendar(page, app)
    _open_item(page, ITEMS.approved)
    text = page.get_by_role("dialog").get_by_role("textbox", name="Text")
    text.fill("Let the grounds bloom for 40 seconds. Then pour slowly.")
    text.press("Control+Enter")
    page.locator(".st-key-save button:visible").click()
    expect(page.get_by_text("Saved as a new revision.", exact=False).first).to_be_visible()
    view = store.item(SCOPE, ITEMS.approved)
    assert view.item.text == "Let the grounds bloom for 40 seconds. Then pour slowly."
    assert (view.item.revision, view.state) == (2, ItemState.DRAFT)
    assert view.item.forecast is None
    expect(page.get_by_role("dialog").get_by_text("This forecast is of an earlier text.", exact=False)).to_be_visible()
    assert store.revisions(SCOPE, ITEMS.approved)[-1].edited_by == "Ana Browser"


def test_a_person_stops_everything_and_resumes(page: Page, app: str, store: SqlStore) -> None:
    _calendar(page, app)
    page.locator(".st-key-emergency-stop button:visible").first.click()
    page.get_by_role("textbox", name="Reason").fill("wrong price online")
    page.get_by_role("textbox", name="Reason").press("Enter")
    page.locator(".st-key-stop-confirm button:visible").click()
    expect(page.get_by_text("Publishing is stopped for Harbor & Oak Coffee.")).to_be_visible()
    (stop,) = store.stops(SCOPE)
    assert (stop.client_id, stop.actor, stop.reason) == ("harbor-coffee", "Ana Browser", "wrong price online")
    page.get_by_role("link", name="Overview").click()
    wait_for_app(page)
    expect(page.get_by_text("Publishing is stopped for Harbor & Oak Coffee.")).to_be_visible()
    _calendar(page, app)
    page.locator(".st-key-resume-client button:visible").first.click()
    page.get_by_role("button", name="Resume publishing").click()
    expect(page.get_by_text("Publishing is stopped for Harbor & Oak Coffee.")).to_be_hidden()
    wait_for_app(page)
    assert store.stops(SCOPE) == ()


def test_a_link_opens_its_client_and_stays_with_it(page: Page, app: str) -> None:
    page.goto(f"{app}/data-health?client=verde-cocina")
    wait_for_app(page)
    expect(page.get_by_text("Verde Cocina · ", exact=False).first).to_be_visible()
    page.get_by_role("link", name="Overview").click()
    wait_for_app(page)
    expect(page.get_by_text("Verde Cocina · ", exact=False).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"client=verde-cocina"))
    page.goto(f"{app}/?client=no-such-client")
    wait_for_app(page)
    expect(page.get_by_text("Harbor & Oak Coffee · ", exact=False).first).to_be_visible()


def test_the_language_changes_every_word_and_number(page: Page, app: str) -> None:
    page.goto(f"{app}/?client=harbor-coffee")
    wait_for_app(page)
    page.get_by_role("radio", name="Español").or_(page.get_by_role("button", name="Español")).first.click()
    expect(page.get_by_role("heading", name="Resumen")).to_be_visible()
    wait_for_app(page)
    body = page.locator("[data-testid='stMain']").inner_text()
    assert "Interacciones por semana de publicación" in body
    assert re.search(r"\d,\d+\s?%", body), "percentages are written the Spanish way"
    for english in ("What needs you", "Top posts", "Followers"):
        assert english not in body


def test_the_pictures_are_made(home: Settings, app: str, page: Page, tmp_path: Path) -> None:
    from benchmarks.screenshots import picture_app

    names = ("goals", "calendar")  # every page draws in a test of its own
    picture_app(page, app, tmp_path, client="harbor-coffee", names=names)
    made = {file.name: file.read_bytes() for file in tmp_path.glob("*.png")}
    assert set(made) == {f"{name}.png" for name in (*names, "calendar-item")}
    assert all(content.startswith(b"\x89PNG") and len(content) > 20_000 for content in made.values())

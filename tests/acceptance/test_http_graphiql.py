"""GraphiQL in a real browser, without any network but this server."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.acceptance.test_http import PLACE, serving
from tests.integration.test_graphql_world import file_all, new_world
from timeline.api.app import create_app
from timeline.api.pages import STATIC
from timeline.store.event_store import EventStore

CHROMIUM = Path(os.environ.get("TIMELINE_CHROMIUM", "/usr/bin/chromium"))
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
def url(store: EventStore) -> Iterator[str]:
    world = new_world(store)
    file_all(world)
    with serving(create_app(world.reader, world.store, world.runner.catch_up)) as address:
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    if not CHROMIUM.exists():
        if os.environ.get("TIMELINE_REQUIRE_ALL") == "1":
            pytest.fail(f"there is no {CHROMIUM}")
        pytest.skip(f"there is no {CHROMIUM}; apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        opened = browser.new_page(viewport={"width": 1280, "height": 800})
        yield opened
        browser.close()


def test_graphiql_renders_and_answers_and_asks_no_other_host(
    url: str, page: Page, tmp_path: Path
) -> None:
    asked, problems = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)

    page.goto(f"{url}/graphql?query={quote(PLACE)}")
    page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()

    expect(page.locator(".result-window")).to_contain_text("Islamic State", timeout=20_000)
    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.locator(".graphiql-plugin").get_by_role("link", name="Query", exact=True).click()
    expect(page.locator(".graphiql-plugin")).to_contain_text("Questions to one casebook")
    page.screenshot(path=os.environ.get("TIMELINE_SCREENSHOT", tmp_path / "graphiql.png"))
    others = [u for u in asked if urlsplit(u).scheme not in ("data", "blob") and url not in u]
    assert others == []
    assert problems == []


def test_the_front_page_leads_to_a_place_in_graphiql(url: str, page: Page) -> None:
    page.goto(url)
    page.get_by_role("link", name="Khanasser").click()
    page.get_by_role("button", name="Execute query (Ctrl-Enter)").click()

    expect(page.locator(".result-window")).to_contain_text("Title of fall", timeout=20_000)


def test_the_vendored_files_are_those_that_were_published() -> None:
    folder = STATIC / "graphiql"
    lines = (folder / "VERSIONS").read_text(encoding="utf-8").splitlines()
    told = {name: digest for digest, _, name in (line.partition("  ") for line in lines) if name}

    found = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.iterdir()
        if p.suffix in (".js", ".css")
    }

    assert {n: d for n, d in told.items() if len(d) == 64} == found

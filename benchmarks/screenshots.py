"""Pictures of every page of the app and of the asset graph, taken in headless Chromium: `make screenshots`.

Starts the app, the sandbox where the home lives in one (it tells the time) and, unless told otherwise, Dagster's web server, all on
loopback for a PULSO_HOME that holds data, and stops them again.
Run it as `python -m benchmarks.screenshots [--home DIR] [--output DIR] [--no-graph]`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
from playwright.sync_api import Page, sync_playwright

from apps.sandbox_process import running_sandbox
from apps.streamlit.server import command, environment
from apps.worlds import at_sandbox, lives_in_sandbox, replayed_posts
from benchmarks.ports import free_port
from contracts.records import Autonomy
from contracts.scope import TenantScope
from contracts.settings import Settings
from operations import open_store

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--hide-scrollbars",
)
INSTALL = "apt-get install chromium"
PAGES = (
    "overview",
    "goals",
    "content-performance",
    "content-mix",
    "post-growth",
    "audience",
    "alerts-and-trends",
    "calendar",
    "forecast-scoreboard",
    "models",
    "data-health",
)
OPEN_GROUPS = ("models", "decisions", "actions")
WIDTH = 1440
START_SECONDS = 120


def chromium() -> str | None:
    """The system's Chromium, or None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def browser_page(*, language: str = "en-GB", height: int = 1000) -> Iterator[Page]:
    """A page of a fresh headless Chromium that reaches nothing but loopback."""
    executable = chromium()
    if executable is None:
        raise SystemExit(f"No Chromium found: {INSTALL}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(CHROMIUM_FLAGS))
        try:
            page = browser.new_page(
                viewport={"width": WIDTH, "height": height}, device_scale_factor=1.5, locale=language
            )
            page.route(
                lambda url: not url.startswith(("http://127.0.0.1", "data:", "blob:")), lambda route: route.abort()
            )
            yield page
        finally:
            browser.close()


@contextmanager
def served(arguments: Sequence[str], *, env: Mapping[str, str], health: str, log: Path) -> Iterator[None]:
    """A server process of ours, from its first healthy answer to its end. Its output goes to `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(arguments, env=dict(env), cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_until_healthy(process, health, log)
            yield
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_healthy(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args} ended at once:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            if httpx.get(url, timeout=2.0, trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(
        f"{url} did not answer within {START_SECONDS} seconds:\n{log.read_text(errors='replace')[-2000:]}"
    )


def wait_for_app(page: Page) -> None:
    """Until Streamlit has nothing left to run and no element is a placeholder."""
    page.wait_for_selector("[data-testid='stMain'] h1", timeout=60_000)
    page.wait_for_function(
        "() => document.querySelector('[data-testid=\"stApp\"]')?.getAttribute('data-test-script-state') === 'notRunning'"
        ' && !document.querySelector(\'[data-testid="stSkeleton"], [data-stale="true"]\')',
        timeout=60_000,
    )
    page.wait_for_timeout(900)  # plotly draws after its element is there


def picture_app(page: Page, url: str, output: Path, *, client: str | None, names: Sequence[str] = PAGES) -> None:
    """One PNG per page of `names`, each as tall as its content, and one of the calendar's item dialog."""
    for name in names:
        page.set_viewport_size({"width": WIDTH, "height": 1000})
        path = "" if name == PAGES[0] else name
        page.goto(f"{url}/{path}" + (f"?client={client}" if client else ""))
        wait_for_app(page)
        if name == "calendar":
            _turn_to_fuller_week(page)
        height = page.evaluate(
            "() => Math.ceil(document.querySelector('[data-testid=\"stMainBlockContainer\"]').getBoundingClientRect().height)"
        )
        page.set_viewport_size({"width": WIDTH, "height": max(760, min(int(height) + 30, 3200))})
        wait_for_app(page)
        page.screenshot(path=output / f"{name}.png")
        print(f"wrote {output / name}.png")
        if name == "calendar":
            _picture_item(page, output)


def _turn_to_fuller_week(page: Page) -> None:
    """Last week, where more happened in it than is planned for this one: at the end of a demo run it often did."""
    cards = page.locator("[class*='st-key-card-']:visible")
    planned = cards.count()
    page.locator(".st-key-week-back button:visible").click()
    wait_for_app(page)
    if cards.count() <= planned:
        page.locator(".st-key-week-now button:visible").click()
        wait_for_app(page)


def _picture_item(page: Page, output: Path) -> None:
    pictured, drafts, cards = (
        page.locator(f"[class*='st-key-card-{state}'] button:visible") for state in ("approved-", "draft-", "")
    )
    if cards.count() == 0:
        return
    page.set_viewport_size({"width": WIDTH, "height": 900})
    next(found for found in (drafts, pictured, cards) if found.count()).last.click()
    page.wait_for_selector("[role='dialog'] [data-testid='stMarkdownContainer']")
    wait_for_app(page)
    page.screenshot(path=output / "calendar-item.png")
    print(f"wrote {output / 'calendar-item.png'}")


def picture_graph(page: Page, url: str, output: Path) -> None:
    """The asset graph as Dagster draws it: by stage, and with the stages that decide and act laid open.

    All assets in one picture would be seven screens tall and unreadable.
    """
    page.add_init_script("localStorage.setItem('communityNux', '\"seen\"')")  # no invitation over the picture
    laid_open = quote(",".join(f"global@global:{group}" for group in OPEN_GROUPS))
    for name, query in (("asset-graph", ""), ("asset-graph-decisions", f"?expanded={laid_open}")):
        page.set_viewport_size({"width": 1800, "height": 1150 if query else 820})
        page.goto(f"{url}/asset-groups{query}")
        page.wait_for_selector("svg foreignObject", timeout=90_000)
        page.wait_for_timeout(6_000)
        page.screenshot(path=output / f"{name}.png")
        print(f"wrote {output / name}.png")


def _liveliest_client(settings: Settings) -> str | None:
    """The client with most to see: one that acts without waiting for a person, else the first."""
    with open_store(settings) as store:
        clients = store.clients(TenantScope.all_clients("choosing whom to picture"))
    return next((client.client_id for client in clients if client.autonomy is Autonomy.AUTONOMOUS), None)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--home", type=Path, help="PULSO_HOME to show (default: the environment's)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--client", help="client to show (default: the first that Pulso may act for by itself)")
    parser.add_argument("--no-graph", action="store_true", help="leave the asset graph out: Dagster is not started")
    options = parser.parse_args(arguments)
    settings = Settings(home=options.home) if options.home else Settings()
    if not (settings.home / "store.db").exists() and settings.store_url is None:
        raise SystemExit(f"There is nothing to show in {settings.home}: run `make run` first.")
    options.output.mkdir(parents=True, exist_ok=True)
    logs = settings.home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        if lives_in_sandbox(settings):
            settings = at_sandbox(settings)
            running.enter_context(running_sandbox(settings, posts=replayed_posts(settings)))
        env = dict(environment(settings))
        if settings.network_base_url:
            env["PULSO_NETWORK_BASE_URL"] = settings.network_base_url
        app_port, graph_port = free_port(), free_port()
        app = f"http://127.0.0.1:{app_port}"
        running.enter_context(
            served(command(port=app_port), env=env, health=f"{app}/_stcore/health", log=logs / "screenshots-app.log")
        )
        page = running.enter_context(browser_page())
        picture_app(page, app, options.output, client=options.client or _liveliest_client(settings))
        if not options.no_graph:
            graph = f"http://127.0.0.1:{graph_port}"
            dagster = [
                sys.executable,
                "-m",
                "dagster_webserver",
                "-w",
                "workspace.yaml",
                "-h",
                "127.0.0.1",
                "-p",
                str(graph_port),
            ]
            graph_env = {
                **env,
                "DAGSTER_HOME": str((settings.home / "dagster").absolute()),
                "DAGSTER_DISABLE_TELEMETRY": "1",
            }
            running.enter_context(
                served(dagster, env=graph_env, health=f"{graph}/server_info", log=logs / "screenshots-dagster.log")
            )
            picture_graph(page, graph, options.output)


if __name__ == "__main__":
    os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
    main()

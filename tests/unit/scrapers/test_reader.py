from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from contracts.networks import Network
from scrapers import ScrapyCompetitorReader
from scrapers.settings import USER_AGENT, scrapy_settings

NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)


def read(*rivals, since=None, **options):
    return ScrapyCompetitorReader(**{"timeout_seconds": 60, "delay_seconds": 0.01, **options}).read(
        rivals, since=since or {}, observed_at=NOW
    )


def test_profiles_are_read_page_by_page_under_our_name(site, page, posting, rival) -> None:
    address = "/public/instagram/bean"
    site.add(address, page(posting(1), posting(2), next_url=f"{address}?page=2"))
    site.add(f"{address}?page=2", page(posting(2), posting(3), followers=None))
    site.add("/public/instagram/leaf", page())
    result = read(rival("bean"), rival("leaf"))
    assert not result.failures
    assert [row.competitor_post_id for row in result.rows] == ["instagram:p1", "instagram:p2", "instagram:p3"]
    row = result.rows[0]
    assert (row.competitor_id, row.network, row.handle, row.likes, row.comments) == (
        "instagram:bean",
        Network.INSTAGRAM,
        "bean",
        11,
        1,
    )
    assert {row.followers for row in result.rows} == {1234}
    assert {row.observed_at for row in result.rows} == {NOW}
    assert site.paths[0] == "/robots.txt"
    assert site.paths.count("/robots.txt") == 1
    assert {agent for _, agent, _ in site.visits} == {USER_AGENT}
    assert USER_AGENT.startswith("Pulso/")


def test_a_rival_that_fails_stops_no_other_and_each_watching_client_hears_why(site, page, posting, rival) -> None:
    site.add(
        "/robots.txt",
        "User-agent: Pulso\nDisallow: /public/instagram/private\nCrawl-delay: 0.01\n",
        content_type="text/plain",
    )
    site.add("/public/instagram/good", page(posting(1)))
    site.add("/public/instagram/private", page(posting(2)))
    site.add("/public/instagram/broken", "oops", status=500)
    site.add("/public/instagram/busy", "slow down", status=429)
    site.add("/public/instagram/garbage", b"\x00\xff<<<not html", content_type="text/html")
    site.add("/public/instagram/picture", b"\x89PNG", content_type="image/png")
    site.add("/public/instagram/half", page(posting(3), posting(4, url=None)))
    names = ["private", "broken", "busy", "gone", "garbage", "picture", "half", "good"]
    rivals = [rival(name) for name in names]
    rivals[0] = rival("private", client_ids=("harbor-coffee", "verde-cocina"))
    rivals.append(rival("nowhere", profile_url="not an address"))
    result = read(*rivals)

    assert {row.handle for row in result.rows} == {"good", "half"}
    found = {(f.account_id.removeprefix("instagram:"), f.client_id): f.error_class for f in result.failures}
    assert found == {
        ("private", "harbor-coffee"): "scope",
        ("private", "verde-cocina"): "scope",
        ("broken", "harbor-coffee"): "transient",
        ("busy", "harbor-coffee"): "rate",
        ("gone", "harbor-coffee"): "invalid",
        ("garbage", "harbor-coffee"): "invalid",
        ("picture", "harbor-coffee"): "invalid",
        ("half", "harbor-coffee"): "invalid",
        ("nowhere", "harbor-coffee"): "invalid",
    }
    assert all(f.message and f.what == "competitor posts" for f in result.failures)
    assert "/public/instagram/private" not in site.paths
    assert site.paths.count("/public/instagram/broken") == 3  # tried again, boundedly
    assert site.paths.count("/public/instagram/busy") == 1  # told to slow down: left alone


def test_a_robots_txt_that_cannot_be_served_allows_nothing_and_a_missing_one_everything(
    site, page, posting, rival
) -> None:
    site.add("/public/instagram/bean", page(posting(1)))
    site.add("/robots.txt", "down", status=503)
    result = read(rival("bean"))
    assert [f.error_class for f in result.failures] == ["scope"]
    assert "/public/instagram/bean" not in site.paths
    del site.pages["/robots.txt"]
    assert len(read(rival("bean")).rows) == 1


def test_a_declared_crawl_delay_is_kept(site, page, posting, rival) -> None:
    site.add("/robots.txt", "User-agent: *\nCrawl-delay: 1\n", content_type="text/plain")
    address = "/public/instagram/bean"
    for number in (1, 2, 3):
        name = address if number == 1 else f"{address}?page={number}"
        site.add(name, page(posting(number), next_url=f"{address}?page={number + 1}"))
    read(rival("bean"), max_pages=3)
    times = [at for path, _, at in site.visits if path != "/robots.txt"]
    assert len(times) == 3
    assert all(later - earlier >= 0.75 for earlier, later in pairwise(times))  # a floor, never a time limit


def test_reading_ends_after_the_asked_pages_and_stays_on_the_rivals_host(site, page, posting, rival) -> None:
    address = "/public/instagram/endless"
    site.add(address, page(posting(1), next_url=address))
    site.add("/public/instagram/elsewhere", page(posting(2), next_url="http://127.0.0.1:9/elsewhere"))
    result = read(rival("endless"), rival("elsewhere"), max_pages=3)
    assert site.paths.count(address) == 3
    assert not result.failures
    assert {row.competitor_post_id for row in result.rows} == {"instagram:p1", "instagram:p2"}


def test_a_known_rivals_pages_are_followed_only_back_to_what_is_wanted(site, page, posting, rival) -> None:
    address = "/public/instagram/bean"
    site.add(address, page(posting(1), posting(2), next_url=f"{address}?page=2"))
    site.add(f"{address}?page=2", page(posting(3)))
    everything = read(rival("bean"))
    wanted_from = max(row.published_at for row in everything.rows) + timedelta(seconds=1)
    result = read(rival("bean"), since={"instagram:bean": wanted_from})
    assert {row.competitor_post_id for row in result.rows} == {"instagram:p1", "instagram:p2"}
    assert site.paths.count(f"{address}?page=2") == 1
    assert not result.failures


def test_what_was_read_before_the_time_was_up_is_kept(site, page, posting, rival) -> None:
    site.add("/public/instagram/quick", page(posting(1)))
    site.add("/public/instagram/stuck", page(posting(2)))
    site.slow["/public/instagram/stuck"] = 25.0
    result = read(rival("quick"), rival("stuck"), timeout_seconds=10)
    assert [row.handle for row in result.rows] == ["quick"]
    assert [(f.account_id, f.error_class) for f in result.failures] == [("instagram:stuck", "transient")]
    assert "10 seconds" in result.failures[0].message


def test_a_site_that_is_not_there_is_a_failure(rival) -> None:
    result = read(rival("bean", profile_url="http://127.0.0.1:9/bean"))
    assert [f.error_class for f in result.failures] == ["transient"]


def test_a_process_that_cannot_run_is_a_failure_of_every_rival(site, rival, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    result = read(rival("bean"), rival("leaf"))
    assert [f.error_class for f in result.failures] == ["transient", "transient"]
    assert "ended with code" in result.failures[0].message
    assert not site.visits


def test_nobody_to_read_starts_nothing() -> None:
    assert read().rows == ()


def test_manners_are_set() -> None:
    settings = scrapy_settings(delay_seconds=1.0)
    assert settings["ROBOTSTXT_OBEY"]
    assert settings["AUTOTHROTTLE_ENABLED"]
    assert not settings["TELNETCONSOLE_ENABLED"]
    assert settings["CONCURRENT_REQUESTS_PER_DOMAIN"] == 1

"""robots.txt taken at its word, in the two places where Scrapy is more lenient.

Belongs here: Crawl-delay, and a robots.txt that cannot be served. Does not belong here: matching of paths (Scrapy's parser does it).
"""

from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.downloadermiddlewares.robotstxt import RobotsTxtMiddleware
from scrapy.http import Request, Response
from scrapy.robotstxt import RobotParser
from scrapy.utils.httpobj import urlparse_cached

from scrapers.settings import ROBOT_NAME

_NOTHING_ALLOWED = b"User-agent: *\nDisallow: /\n"


class StrictRobots(RobotsTxtMiddleware):
    """A site whose robots.txt answers with a server error has not said yes: nothing of it is read (RFC 9309, 2.3.1.4)."""

    async def _parse_robots(self, response: Response, netloc: str, request: Request) -> None:
        if response.status >= 500:
            response = response.replace(body=_NOTHING_ALLOWED)
        elif response.status >= 400:
            response = response.replace(body=b"")  # there are no rules; an error page is not one
        await super()._parse_robots(response, netloc, request)


class CrawlDelay:
    """A site that declares a Crawl-delay is visited at that pace instead of ours."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._delays: dict[str, float] = {}
        crawler.signals.connect(self._robots_parsed, signal=signals.robots_parsed)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    def _robots_parsed(self, robotparser: RobotParser, request: Request) -> None:
        delay = robotparser.rp.crawl_delay(ROBOT_NAME)
        if delay is not None:
            self._delays[urlparse_cached(request).netloc] = float(delay)

    def process_request(self, request: Request) -> None:
        delay = self._delays.get(urlparse_cached(request).netloc)
        if delay is None:
            return
        downloader = self._crawler.engine.downloader
        slot = downloader.slots.get(downloader.get_slot_key(request))
        if slot is not None:
            slot.delay = delay
            request.meta["autothrottle_dont_adjust_delay"] = True

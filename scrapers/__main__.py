"""The spider's own process: a job as JSON on standard input, rows as JSON lines on standard output.

Belongs here: running one crawl and writing what it yields. Does not belong here: anything that the parent could do (reader).
"""

import json
import sys
from typing import Any

from scrapy import signals
from scrapy.crawler import CrawlerProcess

from scrapers.settings import scrapy_settings
from scrapers.spider import PublicProfileSpider


def main() -> None:
    """Each row is written and flushed as it comes, so that a crawl that is stopped has handed over what it read."""
    job = json.load(sys.stdin)
    process = CrawlerProcess(scrapy_settings(delay_seconds=job["delay_seconds"]))
    crawler = process.create_crawler(PublicProfileSpider)

    def write(item: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(item) + "\n")
        sys.stdout.flush()

    crawler.signals.connect(write, signal=signals.item_scraped, weak=False)
    process.crawl(crawler, targets=job["targets"], max_pages=job["max_pages"])
    process.start()


if __name__ == "__main__":
    main()

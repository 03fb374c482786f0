"""How the spider behaves towards the sites that it visits.

Belongs here: Scrapy settings, each with its reason. Does not belong here: which pages are read (the spider).
"""

from typing import Any

ROBOT_NAME = "Pulso"
"""The name that robots.txt rules can address."""

USER_AGENT = f"{ROBOT_NAME}/0.1 (social analytics; reads public profiles; obeys robots.txt)"


def scrapy_settings(*, delay_seconds: float) -> dict[str, Any]:
    """`delay_seconds`: pause between two pages of one site that declares no crawl delay of its own."""
    return {
        "BOT_NAME": ROBOT_NAME,
        "USER_AGENT": USER_AGENT,
        "ROBOTSTXT_OBEY": True,
        "ROBOTSTXT_USER_AGENT": ROBOT_NAME,
        "DOWNLOADER_MIDDLEWARES": {
            "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
            "scrapers.robots.StrictRobots": 100,
            "scrapers.robots.CrawlDelay": 150,
        },
        "DOWNLOAD_DELAY": delay_seconds,
        "RANDOMIZE_DOWNLOAD_DELAY": False,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 1,
        "AUTOTHROTTLE_ENABLED": True,  # slower where the site is slow
        "AUTOTHROTTLE_START_DELAY": delay_seconds,
        "AUTOTHROTTLE_MAX_DELAY": 30.0,
        "AUTOTHROTTLE_TARGET_CONCURRENCY": 1.0,
        "DOWNLOAD_TIMEOUT": 15,
        "DOWNLOAD_MAXSIZE": 5_000_000,
        "RETRY_TIMES": 2,
        "RETRY_HTTP_CODES": [
            500,
            502,
            503,
            504,
            522,
            524,
            408,
        ],  # not 429: who says "too many" is left alone until next time
        "REDIRECT_MAX_TIMES": 3,
        "COOKIES_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "LOGSTATS_INTERVAL": 0,
        "LOG_LEVEL": "ERROR",
        "ITEM_PIPELINES": {},
    }

"""Public pages read as a polite visitor: robots.txt obeyed, slowly, under our own name, never behind a login.

Belongs here: the Scrapy project and the reader that runs it in a process of its own.
Does not belong here: networks' APIs (platforms), what a rival's numbers mean (dbt).
"""

from scrapers.reader import ScrapyCompetitorReader

__all__ = ["ScrapyCompetitorReader"]

"""`python -m benchmarks.chaos --posts 10000 --accounts 1000 --kills 400 [--hostile] [--bug lease-ignored]`; ends with 1 when a promise was broken."""

import argparse
import sys
from collections.abc import Sequence

from rich.console import Console

from benchmarks.chaos.bugs import BUGS
from benchmarks.chaos.campaign import Campaign
from benchmarks.chaos.report import show
from contracts.networks import Network


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos")
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--accounts", type=int, default=1_000, help="spread evenly over the nine networks")
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--publishers", type=int, default=3, help="processes at a time")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--networks", default="all", help="names with commas, or all")
    parser.add_argument(
        "--hostile",
        action="store_true",
        help="the networks' guards against duplicates do nothing, and their reads fail and lag",
    )
    parser.add_argument(
        "--no-moved-pins", action="store_true", help="Pinterest's app may not move pins, so that some stay undecided"
    )
    parser.add_argument("--bug", choices=BUGS, help="plant a bug; the harness has to notice")
    options = parser.parse_args(arguments)
    campaign = Campaign(
        posts=options.posts,
        accounts=options.accounts,
        kills=options.kills,
        seed=options.seed,
        publishers=options.publishers,
        networks=tuple(Network) if options.networks == "all" else [Network(n) for n in options.networks.split(",")],
        is_hostile=options.hostile,
        bug=options.bug,
        may_move_pins=not options.no_moved_pins,
    )
    verdict = campaign.run()
    title = f"{options.posts:,} posts, {options.accounts:,} accounts, seed {options.seed}"
    show(verdict, Console(width=170), title=title + (", hostile networks" if options.hostile else ""))
    return 0 if verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())

"""`python -m sandbox`: start the networks on loopback and say so with one line."""

import argparse
import asyncio
import logging
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvicorn

from sandbox.app import DEFAULT_NOW, DEFAULT_SEED, Options, build_app
from sandbox.state import StateMismatchError
from sandbox.wire import CuttableProtocol

HOST = "127.0.0.1"
KEEP_ALIVE_SECONDS = 75


class AnnouncingServer(uvicorn.Server):
    """Prints one READY line once requests are answered."""

    def __init__(self, config: uvicorn.Config, url: str) -> None:
        super().__init__(config)
        self._url = url

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        sys.stdout.write(f"READY {self._url}\n")
        sys.stdout.flush()


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _parameter(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    return name, float(value)


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8930, help="0 takes any free port (default 8930)")
    parser.add_argument("--state-dir", type=Path, required=True, help="folder of the durable state")
    parser.add_argument("--world", choices=("seeded", "replayed"), default="seeded")
    parser.add_argument("--posts", type=Path, help="parquet of real posts, for a replayed world")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help=f"default {DEFAULT_SEED}")
    parser.add_argument("--now", type=_moment, help=f"start of the world (seeded default {DEFAULT_NOW.isoformat()})")
    parser.add_argument("--crowd", type=int, default=0, help="accounts besides the demo's, over all networks (seeded)")
    parser.add_argument(
        "--set",
        dest="parameters",
        metavar="NAME=VALUE",
        type=_parameter,
        action="append",
        default=[],
        help="a quantity of the seeded world, as GET /_sandbox/world lists them (repeatable)",
    )
    parser.add_argument(
        "--rate-limits",
        choices=("relaxed", "real"),
        default="relaxed",
        help="real: the networks' own quotas; relaxed: a thousand times as much",
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Serve until stopped. Returns 2 when the options do not fit the state or the file."""
    options = _arguments(arguments)
    # With protocol 0 the event loop would not switch Nagle's algorithm off, and every answer would wait 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, options.port))
    except OSError as error:
        sys.stderr.write(f"port {options.port} can not be used: {error.strerror}\n")
        return 2
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    try:
        app = build_app(
            Options(
                base_url=url,
                state_dir=options.state_dir,
                world=options.world,
                posts=options.posts,
                seed=options.seed,
                now=options.now,
                crowd=options.crowd,
                parameters=dict(options.parameters),
                has_real_limits=options.rate_limits == "real",
            )
        )
    except (ValueError, StateMismatchError) as error:
        listener.close()
        sys.stderr.write(f"{error}\n")
        return 2
    logging.getLogger("httpx").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        http=CuttableProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    asyncio.run(AnnouncingServer(config, url).serve(sockets=[listener]))
    return 0


if __name__ == "__main__":
    sys.exit(main())

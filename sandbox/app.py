"""Composes the sandbox: world, state, clock, faults, networks and pages into one application."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from starlette.applications import Starlette

from sandbox.admin import Admin
from sandbox.clock import WorldClock
from sandbox.courier import Courier
from sandbox.credentials import Credentials
from sandbox.faults import FaultPlane
from sandbox.host import Host
from sandbox.limits import RELAXED_FACTOR, RateLimits
from sandbox.networks import NETWORKS
from sandbox.public_pages import PublicPages
from sandbox.state import State
from sandbox.world.model import World, to_datetime, to_ms
from sandbox.world.parameters import WorldParameters
from sandbox.world.seeded import SeededWorld

DEFAULT_NOW = datetime(2026, 5, 30, 6, tzinfo=UTC)
DEFAULT_SEED = 7


@dataclass(frozen=True)
class Options:
    """What the command line chooses."""

    base_url: str
    state_dir: Path
    world: str = "seeded"
    posts: Path | None = None
    seed: int = DEFAULT_SEED
    now: datetime | None = None
    crowd: int = 0
    """Accounts besides the demo's, spread evenly over all networks (seeded world)."""
    parameters: Mapping[str, float] = field(default_factory=dict)
    """Quantities of the seeded world that are other ones than usual, by name (`world/parameters.py`)."""
    has_real_limits: bool = False


def build_world(options: Options) -> World:
    """The world that the options name. Raises ReplayFileError for a file that can not be replayed, ValueError for an unknown parameter."""
    if options.world == "replayed":
        from sandbox.replay import ReplayedWorld  # polars is heavy, and only this world needs it

        if options.posts is None:
            raise ValueError("a replayed world needs --posts FILE.parquet")
        return ReplayedWorld(options.posts, to_ms(options.now) if options.now else None)
    parameters = WorldParameters.with_values(options.parameters)
    return SeededWorld(options.seed, to_ms(options.now or DEFAULT_NOW), parameters, crowd_size=options.crowd)


def build_app(options: Options) -> Starlette:
    """The application over its durable state. Raises StateMismatchError when the folder holds another world."""
    state = State(options.state_dir)
    started = state.get("start_ms")
    if options.now is None and started is not None:  # a restart continues the same world
        options = replace(options, now=to_datetime(int(started)))
    world = build_world(options)
    state.pin("world", world.kind)
    state.pin("seed", str(world.seed))
    if options.posts is not None and world.kind == "replayed":
        state.pin("posts", options.posts.name)
    if world.kind == "seeded":
        state.pin("crowd", str(options.crowd))
        state.pin("parameters", json.dumps(dict(sorted(options.parameters.items()))))
    state.pin("start_ms", str(world.start_ms))
    clock = WorldClock(state, world.start_ms)
    limits = RateLimits(factor=1 if options.has_real_limits else RELAXED_FACTOR)
    host = Host(world, state, clock, FaultPlane(), limits, options.base_url)
    credentials = Credentials(state)
    routes = [
        *(route for network in NETWORKS for route in network(host, credentials).routes()),
        *PublicPages(host).routes(),
        *Admin(host, credentials, Courier(host, credentials)).routes(),
    ]
    app = Starlette(routes=routes)
    app.state.host = host
    return app

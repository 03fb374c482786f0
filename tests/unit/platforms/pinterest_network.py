"""One account's side of Pinterest's API, made of state: pins, boards, films; and what tests do to it."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from contracts.networks import Network
from contracts.records import Account

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
UPLOADS = "https://uploads.example/"
ACCOUNT = Account(
    account_id="pinterest:549755885175",
    client_id="harbor",
    network=Network.PINTEREST,
    native_id="549755885175",
    handle="harborandoak",
    base_url="https://api.pinterest.example",
)


@dataclass
class Pinterest:
    """Answers requests. `cut` names a path ending whose POST or PATCH is done but not answered; `lag` hides that many listings' pins."""

    pins: list[dict[str, Any]] = field(default_factory=list)
    boards: list[dict[str, Any]] = field(default_factory=lambda: [{"id": "77", "name": "Coffee", "privacy": "PUBLIC"}])
    films: dict[str, dict[str, Any]] = field(default_factory=dict)
    uploads: list[tuple[httpx.Request, bytes]] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    cut: str | None = None
    lag: int = 0
    polls_needed: int = 1
    page_size: int = 250
    refused_metrics: frozenset[str] = frozenset()
    has_batch_analytics: bool = True
    days: Callable[[str], list[tuple[str, str, dict[str, Any]]]] = lambda pin_id: []
    """(date, data_status, values by metric) of a pin, or of the account (an empty id)."""
    _count: int = 1_022_106_077_905_927_000

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if str(request.url) == UPLOADS:
            return self.upload(request)
        if request.url.path != "/v5/oauth/token":
            assert request.headers["authorization"] == "Bearer access-1"
        answer = self.answer(request, request.url.path.removeprefix("/v5"))
        if self.cut is not None and request.method in ("POST", "PATCH") and request.url.path.endswith(self.cut):
            raise httpx.ReadError("cut", request=request)
        return answer

    @property
    def calls(self) -> list[str]:
        return [f"{r.method} {r.url.path}" for r in self.requests]

    def next_id(self) -> str:
        self._count += 1
        return str(self._count)

    def answer(self, request: httpx.Request, path: str) -> httpx.Response:
        params, parts = request.url.params, path.strip("/").split("/")
        match request.method, parts:
            case "GET", ["boards"]:
                boards = [b for b in self.boards if params.get("privacy") in (None, b.get("privacy"))]
                return httpx.Response(200, json={"items": boards, "bookmark": None})
            case "POST", ["boards"]:
                self.boards.append({"id": self.next_id(), **json.loads(request.content)})
                return httpx.Response(201, json=self.boards[-1])
            case "GET", ["pins", pin_id] if pin_id != "analytics":
                pins = [pin for pin in self.pins if pin["id"] == pin_id]
                return httpx.Response(200, json=pins[0]) if pins else refuse(404, 50)
            case "PATCH", ["pins", pin_id]:
                return self.move(pin_id, json.loads(request.content))
            case "GET", ["pins"]:
                return self.listing(params)
            case "GET", ["pins", "analytics"]:
                return self.batch(params)
            case "GET", ["pins", pin_id, "analytics"]:
                return self.analytics(pin_id, params)
            case "GET", ["user_account", "analytics"]:
                return self.analytics("", params)
            case "POST", ["pins"]:
                return self.create(json.loads(request.content))
            case "DELETE", ["pins", pin_id]:
                return self.delete(pin_id)
            case "POST", ["media"]:
                return self.register()
            case "GET", ["media", media_id]:
                return self.film(media_id)
        return refuse(404, 404)

    def listing(self, params: httpx.QueryParams) -> httpx.Response:
        listed = [] if self.lag else self.pins[::-1]
        self.lag = max(0, self.lag - 1)
        start, size = int(params.get("bookmark", "0")), min(int(params["page_size"]), self.page_size)
        more = str(start + size) if start + size < len(listed) else None
        return httpx.Response(200, json={"items": listed[start : start + size], "bookmark": more})

    def create(self, body: dict[str, Any]) -> httpx.Response:
        source = body["media_source"]
        if source["source_type"] == "video_id" and self.films[source["media_id"]]["status"] != "succeeded":
            return refuse(400, 1)
        for picture in source.get("items", [source] if "data" in source else []):
            base64.b64decode(picture["data"], validate=True)
        pin = {name: body.get(name) for name in ("board_id", "title", "description", "link", "alt_text")}
        moment = NOW + timedelta(seconds=len(self.pins))
        self.pins.append({"id": self.next_id(), "created_at": moment.strftime("%Y-%m-%dT%H:%M:%S"), **pin})
        return httpx.Response(201, json=self.pins[-1])

    def move(self, pin_id: str, body: dict[str, Any]) -> httpx.Response:
        for pin in self.pins:
            if pin["id"] == pin_id:
                pin |= body
                return httpx.Response(200, json=pin)
        return refuse(404, 50)

    @property
    def visible(self) -> list[dict[str, Any]]:
        """Pins that others see."""
        secret = {board["id"] for board in self.boards if board.get("privacy") == "SECRET"}
        return [pin for pin in self.pins if pin["board_id"] not in secret]

    def delete(self, pin_id: str) -> httpx.Response:
        left = [pin for pin in self.pins if pin["id"] != pin_id]
        if len(left) == len(self.pins):
            return refuse(404, 50)
        self.pins = left
        return httpx.Response(204)

    def register(self) -> httpx.Response:
        media_id = self.next_id()
        self.films[media_id] = {"media_id": media_id, "media_type": "video", "status": "registered", "polls": 0}
        parameters = {"key": f"uploads/{media_id}", "policy": "cG9saWN5", "Content-Type": "multipart/form-data"}
        answer = {
            "media_id": media_id,
            "media_type": "video",
            "upload_url": UPLOADS,
            "upload_parameters": parameters,
        }
        return httpx.Response(201, json=answer)

    def upload(self, request: httpx.Request) -> httpx.Response:
        assert "authorization" not in request.headers, "the token is Pinterest's, not Amazon's"
        self.uploads.append((request, request.content))
        for media_id, film in self.films.items():
            if f"uploads/{media_id}".encode() in request.content:
                film["status"] = "processing"
        return httpx.Response(204, text="<not json>")

    def film(self, media_id: str) -> httpx.Response:
        if media_id not in self.films:
            return refuse(404, 50)
        film = self.films[media_id]
        film["polls"] += 1
        if film["status"] == "processing" and film["polls"] > self.polls_needed:
            film["status"] = "succeeded"
        return httpx.Response(200, json={name: film[name] for name in ("media_id", "media_type", "status")})

    def batch(self, params: httpx.QueryParams) -> httpx.Response:
        if not self.has_batch_analytics:
            return refuse(403, 403)
        ids = params.get_list("pin_ids")
        if self.known(ids) != set(ids):
            return refuse(404, 50)
        answers = {pin_id: self.analytics(pin_id, params) for pin_id in ids}
        refused = [answer for answer in answers.values() if answer.is_error]
        bodies = {pin_id: answer.json() for pin_id, answer in answers.items()}
        return refused[0] if refused else httpx.Response(200, json=bodies)

    def known(self, pin_ids: list[str]) -> set[str]:
        return {pin["id"] for pin in self.pins} & set(pin_ids)

    def analytics(self, pin_id: str, params: httpx.QueryParams) -> httpx.Response:
        if pin_id and not self.known([pin_id]):
            return refuse(404, 50)
        asked = params["metric_types"].split(",")
        if self.refused_metrics & set(asked):
            return refuse(400, 1)
        rows = [
            {
                "date": date,
                "data_status": status,
                "metrics": {name: value for name, value in values.items() if name in asked},
            }
            for date, status, values in self.days(pin_id)
            if params["start_date"] <= date <= params["end_date"]
        ]
        return httpx.Response(200, json={"all": {"daily_metrics": rows, "summary_metrics": {}}})


def refuse(status: int, code: int, **headers: str) -> httpx.Response:
    """A refusal as Pinterest words it."""
    return httpx.Response(status, json={"code": code, "message": "Non."}, headers=headers)

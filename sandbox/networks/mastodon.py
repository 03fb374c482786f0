"""A Mastodon server of the sandbox: paths, limits, paging and refusals, as version 4.6 sends them.

`guard_off` on reading `instance` and on publishing makes it one of the servers that speak the same API, say so in their version, and keep
no idempotency keys. Belongs here: who asks for what. Does not belong here: entities (`mastodon_views.py`), what is accepted
(`mastodon_statuses.py`).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import FormData, UploadFile

from sandbox.credentials import Credentials
from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks.mastodon_direct import MastodonDirect
from sandbox.networks.mastodon_statuses import MastodonStatuses, record_not_found
from sandbox.networks.mastodon_views import SEEN_BY_ALL, MastodonViews
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.wire import Answer, Refusal
from sandbox.world.model import Account, Post, to_datetime

_FIVE_MINUTES, _HALF_HOUR, _THREE_HOURS = 300, 1800, 10_800
_WHOLE_LIMIT = (300, _FIVE_MINUTES)
_FAMILIES = {
    ("POST", "/api/v2/media"): ("media", 30, _HALF_HOUR),
    ("DELETE", "/api/v1/statuses/{status_id}"): ("delete", 30, _HALF_HOUR),
    ("POST", "/api/v1/statuses"): ("statuses", 300, _THREE_HOURS),
}
"""Calls with a limit of their own, which their headers tell instead of the account's."""
_DEFAULT_PAGE, _LARGEST_PAGE = 20, 40
_BAD_TOKENS = {
    "missing": "The access token is invalid",
    "invalid": "The access token is invalid",
    "expired": "The access token expired",
    "revoked": "The access token was revoked",
}
_BEYOND = 2**62
"""An id that is above every other."""
_HTML = {"content-type": "text/html; charset=utf-8"}


class _HtmlRefusal(Refusal):
    """A refusal by whatever stands in front of the application: a page for people."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, None)
        page = f"<!DOCTYPE html><html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>"
        self.answer = Answer(None, status, _HTML, content=page.encode())


class Mastodon(RestNetwork):
    """One server, with all accounts of the network on it."""

    network = "mastodon"
    content_type = "application/json; charset=utf-8"

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._views = MastodonViews(host)
        self._direct = MastodonDirect(host, self._views)
        self._statuses = MastodonStatuses(host)

    def endpoints(self) -> Sequence[Endpoint]:
        instance = [
            Endpoint("GET", f"/api/{version}/instance{slash}", "read", handler, is_public=True)
            for version, handler in (("v2", self._instance), ("v1", self._instance_v1))
            for slash in ("", "/")  # clients ask either way
        ]
        return (
            *instance,
            Endpoint("GET", "/api/v1/accounts/verify_credentials", "read", self._verify_credentials),
            Endpoint("GET", "/api/v1/accounts/lookup", "read", self._lookup, is_public=True),
            Endpoint("GET", "/api/v1/accounts/{account_id}", "read", self._account, is_public=True),
            Endpoint("GET", "/api/v1/accounts/{account_id}/statuses", "read", self._listing, is_public=True),
            Endpoint("POST", "/api/v1/statuses", "publish", self._publish),
            Endpoint("GET", "/api/v1/statuses/{status_id}", "read", self._status, is_public=True),
            Endpoint("DELETE", "/api/v1/statuses/{status_id}", "stage", self._delete),
            Endpoint("GET", "/api/v1/statuses/{status_id}/context", "read", self._context, is_public=True),
            Endpoint("GET", "/api/v1/conversations", "read", self._conversations),
            Endpoint("POST", "/api/v2/media", "stage", self._upload),
            Endpoint("GET", "/api/v1/media/{media_id}", "read", self._media),
        )

    # --- refusals and limits ---

    def bad_token(self, reason: str) -> Refusal:
        return Refusal(401, {"error": _BAD_TOKENS[reason]}, {"www-authenticate": 'Bearer realm="Doorkeeper"'})

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        headers = {}
        if window is None:
            seconds = float(call.effects.param("rate_limit", "retry_after_seconds", 60))
            headers = _limit_headers(_limit_of(call)[1], 0, time.time() + seconds)
        return Refusal(429, {"error": "Too many requests"}, headers)

    def server_error(self, status: int) -> Refusal:
        return _HtmlRefusal(status, "We're sorry, but something went wrong on our end.")

    def not_found(self) -> Refusal:
        return _HtmlRefusal(404, "The page you are looking for isn't here.")

    def spend(self, call: RestCall) -> Window:
        caller = call.account.native_id if call.account else "address"
        whole = self.host.limits.spend(f"mastodon:{caller}", 1, *_WHOLE_LIMIT)
        name, limit, seconds = _limit_of(call)
        if whole.is_exceeded or name == "account":
            return whole
        return self.host.limits.spend(f"mastodon:{name}:{caller}", 1, limit, seconds)

    def headers(self, call: RestCall, window: Window | None) -> Mapping[str, str]:  # noqa: ARG002 - the same for all calls
        # Mastodon rounds to the window but leaves the fraction of the present second in.
        return (
            {} if window is None else _limit_headers(window.limit, window.remaining, window.resets_at + time.time() % 1)
        )

    # --- reading ---

    async def _instance(self, call: RestCall) -> Answer:
        return Answer(self._views.instance(keeps_keys=call.has_guard))

    async def _instance_v1(self, call: RestCall) -> Answer:
        return Answer(self._views.instance_v1(keeps_keys=call.has_guard))

    async def _verify_credentials(self, call: RestCall) -> Answer:
        return Answer(self._views.credential_account(call.caller))

    async def _lookup(self, call: RestCall) -> Answer:
        return Answer(self._views.account(self._known(call.params.get("acct", "").partition("@")[0])))

    async def _account(self, call: RestCall) -> Answer:
        return Answer(self._views.account(self._known(call.path("account_id"))))

    async def _listing(self, call: RestCall) -> Answer:
        """An account's statuses, newest first, a page of them between ids; where more may follow, `Link` says."""
        account, params = self._known(call.path("account_id")), call.params
        limit = min(_LARGEST_PAGE, max(1, _whole(params.get("limit")) or _DEFAULT_PAGE))
        max_id, min_id = _whole(params.get("max_id")), _whole(params.get("min_id"))
        since_id = _whole(params.get("since_id"))
        if "empty_page" in call.effects:
            return Answer(
                [], headers={"link": self._link(call, "next", "max_id", str(max_id - 1 if max_id else _BEYOND))}
            )
        shown = [
            post
            for post in self.feed(call, account).posts
            if self._may_see(call, post)
            and (max_id is None or int(post.native_id) < max_id)
            and int(post.native_id) > (min_id or since_id or 0)
            and not (_is_set(params.get("exclude_replies")) and post.is_reply)
            and not (_is_set(params.get("only_media")) and not post.media_count)
            and not _is_set(params.get("pinned"))
        ]
        page = (shown[:limit] if min_id else shown[-limit:])[::-1]
        if not page:
            return Answer([])
        links = [self._link(call, "next", "max_id", page[-1].native_id)] if len(page) == limit else []
        links.append(self._link(call, "prev", "min_id", page[0].native_id))
        items = [self._show(call, post) for post in page]
        if "duplicate_answer" in call.effects:
            items = [item for item in items for _ in range(2)]
        return Answer(items, headers={"link": ", ".join(links)})

    async def _status(self, call: RestCall) -> Answer:
        name = call.path("status_id")
        shown = self._shown_by_id(call, name)
        if shown is None:
            raise record_not_found()
        return Answer(shown)

    async def _context(self, call: RestCall) -> Answer:
        """What a status answers, and everything below it, each before what answers it."""
        name = call.path("status_id")
        if self._shown_by_id(call, name) is None:
            raise record_not_found()
        descendants, waiting = [], self._answers(call, name)[::-1]
        while waiting:
            below = waiting.pop()
            shown = self._shown_by_id(call, below)
            if shown is not None:
                descendants.append(shown)
                waiting += self._answers(call, below)[::-1]
        ancestors: list[dict[str, Any]] = []
        above = self._shown_by_id(call, name)
        while above and above["in_reply_to_id"]:
            above = self._shown_by_id(call, above["in_reply_to_id"])
            if above:
                ancestors.insert(0, above)
        return Answer({"ancestors": ancestors, "descendants": descendants})

    async def _conversations(self, call: RestCall) -> Answer:
        """Threads of direct statuses, the latest first, each by its newest one."""
        found = self._direct.conversations(call.caller, self.feed(call, call.caller).posts)
        limit = min(_LARGEST_PAGE, max(1, _whole(call.params.get("limit")) or _DEFAULT_PAGE))
        max_id = _whole(call.params.get("max_id"))
        if "empty_page" in call.effects:
            return Answer([], headers={"link": self._link(call, "next", "max_id", str((max_id or _BEYOND) - 1))})
        older = [c for c in found if max_id is None or c.newest_ms < max_id]
        page = older[:limit]
        if not page:
            return Answer([])
        links = [self._link(call, "next", "max_id", str(page[-1].newest_ms))] if len(older) > limit else []
        links.append(self._link(call, "prev", "min_id", str(page[0].newest_ms)))
        items = [
            {
                "id": conversation.native_id,
                "unread": False,
                "accounts": [self._direct.person(conversation.message)],
                "last_status": self._shown_by_id(call, conversation.newest_id),
            }
            for conversation in page
        ]
        if "duplicate_answer" in call.effects:
            items = [item for item in items for _ in range(2)]
        return Answer(items, headers={"link": ", ".join(links)})

    # --- writing ---

    async def _publish(self, call: RestCall) -> Answer:
        key = call.request.headers.get("idempotency-key") if call.has_guard else None
        post = self._statuses.publish(call.caller, await _status_fields(call), key)
        return Answer(self._show(call, post))

    async def _delete(self, call: RestCall) -> Answer:
        post = self.host.post("mastodon", call.path("status_id"))
        if post is None or post.account_id != call.caller.native_id:
            raise record_not_found()
        shown = self._views.deleted(self._show(call, post), post.text)
        self.host.delete(post)
        return Answer(shown)

    async def _upload(self, call: RestCall) -> Answer:
        form = await call.form()
        file, description = form.get("file"), form.get("description")
        if not isinstance(file, UploadFile):
            raise Refusal(422, {"error": "Validation failed: File can't be blank"})
        words = description if isinstance(description, str) else None
        row = self._statuses.upload(call.caller, file.content_type or "", await file.read(), words)
        return Answer(self._views.attachment(row), 202 if row["status"] == "processing" else 200)

    async def _media(self, call: RestCall) -> Answer:
        row = self._statuses.poll_upload(call.caller, call.path("media_id"))
        return Answer(self._views.attachment(row), 206 if row["status"] == "processing" else 200)

    # --- parts ---

    def _known(self, name: str) -> Account:
        account = self.host.account("mastodon", name)
        if account is None:
            raise record_not_found()
        return account

    def _may_see(self, call: RestCall, post: Post) -> bool:
        is_own = call.account is not None and call.account.native_id == post.account_id
        return is_own or self._views.visibility(post) in SEEN_BY_ALL

    def _visible(self, call: RestCall, name: str) -> Post | None:
        post = self.host.post("mastodon", name)
        return post if post is not None and self._may_see(call, post) else None

    def _show(self, call: RestCall, post: Post) -> dict[str, Any]:
        return self._views.status(post, self.counts(call, post), call.effects)

    def _shown_by_id(self, call: RestCall, name: str) -> dict[str, Any] | None:
        post = self._visible(call, name)
        if post is not None:
            return self._show(call, post)
        if (received := self._direct.received(call.account, name)) is not None:
            return received
        comment = self.host.comment("mastodon", name)
        return self._views.comment(comment) if comment else None

    def _answers(self, call: RestCall, name: str) -> list[str]:
        post = self._visible(call, name)
        comments = [comment.native_id for comment in self.host.comments(post)] if post else []
        return comments + [answer.native_id for answer in self.host.answers(name)]

    def _link(self, call: RestCall, relation: str, name: str, value: str) -> str:
        kept = {k: v for k, v in call.params.items() if k not in ("max_id", "min_id", "since_id")}
        query = urlencode({**kept, name: value})
        return f'<{self.host.base_url}{call.request.url.path}?{query}>; rel="{relation}"'


def _limit_of(call: RestCall) -> tuple[str, int, int]:
    endpoint = call.endpoint
    return _FAMILIES.get((endpoint.method, endpoint.path), ("account", *_WHOLE_LIMIT))


def _limit_headers(limit: int, remaining: int, resets_at: float) -> dict[str, str]:
    reset = to_datetime(round(resets_at * 1000)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(remaining), "x-ratelimit-reset": reset}


async def _status_fields(call: RestCall) -> Mapping[str, Any]:
    """What a client sends as JSON or as a form, in the form of the former."""
    if call.request.headers.get("content-type", "").startswith("application/json"):
        body = call.json()
        if not isinstance(body, dict):
            raise Refusal(400, {"error": "Error occurred while parsing request parameters"})
        return body
    form: FormData = await call.request.form()
    fields: dict[str, Any] = {name: value for name, value in form.items() if isinstance(value, str) and "[" not in name}
    fields["media_ids"] = form.getlist("media_ids[]")
    if choices := form.getlist("poll[options][]"):
        timing = {"expires_in": form.get("poll[expires_in]"), "multiple": _is_set(form.get("poll[multiple]"))}
        fields["poll"] = {"options": choices, **timing}
    return fields


def _is_set(value: object) -> bool:
    return str(value).lower() in ("1", "true", "on", "t")


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None

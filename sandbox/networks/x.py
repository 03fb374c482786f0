"""X's API v2 under `/x/2`: people, posts, conversations, uploads, token renewal. One host serves all of it.

Unknown parameters and fields are refused, as X does: a client that asks in words that X does not have is told so.
"""

import base64
import binascii
import hmac
import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from sandbox.credentials import LIFETIMES, BadTokenError, Credentials
from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.networks.x_media import Media, UploadError
from sandbox.networks.x_messages import MessageCalls
from sandbox.networks.x_refusals import blank, blank_body, forbidden, invalid, not_found
from sandbox.networks.x_uploads import UploadCalls
from sandbox.networks.x_views import Shown, Views, weighted_length
from sandbox.networks.x_words import CREATE_FIELDS, PAGE, SHOW, Wanted, WordError, wanted_by
from sandbox.wire import Answer, Refusal
from sandbox.world.model import DAY_MS, HOUR_MS, Account, Comment, Post, to_ms

WINDOW_SECONDS = 900
LIMITS = {
    "GET /2/users/me": 75,
    "GET /2/users/by": 900,
    "GET /2/users/by/username/{username}": 900,
    "GET /2/users/{id}/tweets": 900,
    "GET /2/users/{id}/mentions": 300,
    "GET /2/tweets": 900,
    "GET /2/tweets/{id}": 900,
    "GET /2/tweets/search/recent": 300,
    "POST /2/tweets": 100,
    "DELETE /2/tweets/{id}": 50,
    "PUT /2/tweets/{id}/hidden": 50,
    "GET /2/media/upload": 1875,
    "POST /2/media/upload": 500,
    "POST /2/media/upload/initialize": 1875,
    "POST /2/media/upload/{id}/append": 1875,
    "POST /2/media/upload/{id}/finalize": 1875,
    "POST /2/media/metadata": 500,
    "GET /2/dm_events": 15,
    "GET /2/dm_conversations/with/{participant_id}/dm_events": 15,
    "POST /2/dm_conversations/with/{participant_id}/messages": 15,
}
"""Calls of one account in fifteen minutes."""
DAILY_APP_POSTS = 10_000
NEWEST = (1 << 50, "")
"""A position before the first page."""
SEARCH_MS = 7 * DAY_MS
DUPLICATE_WINDOW_MS = 2 * HOUR_MS  # [K] how long the very text of a post is refused again
MOST_WEIGHT = 280
MOST_LISTED = 3_200
SCOPES = "tweet.read tweet.write users.read media.write dm.read dm.write offline.access"
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."

_CONVERSATION = re.compile(r"conversation_id:(\d+)")


Item = TypeVar("Item", Post, Comment, Shown)


class X(RestNetwork):
    """The network behind one address."""

    network = "x"
    content_type = "application/json; charset=utf-8"

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._views, self._media = Views(host), Media(host)

    def endpoints(self) -> Sequence[Endpoint]:
        def done_before() -> Refusal:
            return forbidden(DUPLICATE)

        return (
            Endpoint("POST", "/2/oauth2/token", "token", self._renew, is_public=True),
            Endpoint("GET", "/2/users/me", "read", self._me),
            Endpoint("GET", "/2/users/by", "read", self._users_by),
            Endpoint("GET", "/2/users/by/username/{username}", "read", self._user_by),
            Endpoint("GET", "/2/users/{id}/tweets", "read", self._own_posts),
            Endpoint("GET", "/2/users/{id}/mentions", "read", self._mentions),
            Endpoint("GET", "/2/tweets/search/recent", "read", self._search),
            Endpoint("GET", "/2/tweets", "read", self._lookup),
            Endpoint("GET", "/2/tweets/{id}", "read", self._one),
            Endpoint("POST", "/2/tweets", "publish", self._create, duplicate=done_before),
            Endpoint("DELETE", "/2/tweets/{id}", "stage", self._delete),
            Endpoint("PUT", "/2/tweets/{id}/hidden", "stage", self._hide),
            *UploadCalls(self._media).endpoints(),
            *MessageCalls(self.host).endpoints(),
        )

    # --- refusals, limits ---

    def bad_token(self, reason: str) -> Refusal:
        del reason  # X says the same of all
        return blank(401, "Unauthorized")

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        body = {**blank_body(429, "Too Many Requests"), "errors": [{"code": 88, "message": "Rate limit exceeded"}]}
        if window is not None:
            return Refusal(429, body)
        seconds = float(call.effects.param("rate_limit", "retry_after_seconds", 60))
        reset = round(datetime.now(UTC).timestamp() + seconds)
        limit = LIMITS.get(_name(call), WINDOW_SECONDS)
        return Refusal(429, body, _limit_headers(limit, 0, reset))

    def server_error(self, status: int) -> Refusal:
        return blank(status, "Service Unavailable" if status == 503 else "Internal Server Error")

    def not_found(self) -> Refusal:
        return blank(404, "Not Found")

    def spend(self, call: RestCall) -> Window | None:
        limit = LIMITS.get(_name(call))
        if limit is None or call.account is None:
            return None
        window = self.host.limits.spend(f"x:{_name(call)}:{call.account.native_id}", 1, limit, WINDOW_SECONDS)
        if window.is_exceeded or call.endpoint.operation != "publish":
            return window
        day = self.host.limits.spend("x:app", 1, DAILY_APP_POSTS, 86_400)
        return day if day.is_exceeded else window

    def headers(self, call: RestCall, window: Window | None) -> Mapping[str, str]:  # noqa: ARG002
        shown = {"api-version": "2.167", "x-access-level": "read-write-directmessages"}
        if window is None:
            return shown
        return shown | _limit_headers(window.limit, window.remaining, window.resets_at)

    # --- tokens ---

    async def _renew(self, call: RestCall) -> Answer:
        """A new pair for a refresh token, which is then worth nothing."""
        form = await call.form()
        if form.get("client_id") != self.credentials.client_id or not self._is_secret(call):
            raise Refusal(
                401, {"error": "unauthorized_client", "error_description": "Missing valid authorization header"}
            )
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, {"error": "unsupported_grant_type", "error_description": "Unsupported grant type."})
        try:
            _, grant = self.credentials.renew("x", str(form.get("refresh_token", "")))
        except BadTokenError:
            message = "Value passed for the token was invalid."
            raise Refusal(400, {"error": "invalid_request", "error_description": message}) from None
        life = LIFETIMES["x"].access_seconds
        body = {"token_type": "bearer", "expires_in": life, "access_token": grant.access, "scope": SCOPES}
        return Answer(body | {"refresh_token": grant.refresh})

    def _is_secret(self, call: RestCall) -> bool:
        """Confidential clients name themselves in a header of basic authorisation."""
        _, _, encoded = call.request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded)
        except (binascii.Error, ValueError):
            return False
        expected = f"{self.credentials.client_id}:{self.credentials.app_secret}".encode()
        return hmac.compare_digest(given, expected)

    # --- people ---

    async def _me(self, call: RestCall) -> Answer:
        wanted = _wanted(call)
        return Answer({"data": self._views.user(call.caller, wanted)})

    async def _users_by(self, call: RestCall) -> Answer:
        wanted = _wanted(call, "usernames")
        names = [name for name in call.params.get("usernames", "").split(",") if name]
        if not 0 < len(names) <= 100:
            raise invalid("The `usernames` query parameter can not be empty.", "usernames")
        found = {name: self._named(name) for name in names}
        body: dict[str, Any] = {}
        if users := [self._views.user(account, wanted) for account in found.values() if account is not None]:
            body["data"] = users
        if errors := [not_found("user", "usernames", name) for name, account in found.items() if account is None]:
            body["errors"] = errors
        return Answer(body)

    async def _user_by(self, call: RestCall) -> Answer:
        wanted, name = _wanted(call), call.path("username")
        account = self._named(name)
        if account is None:
            return Answer({"errors": [not_found("user", "username", name)]})
        return Answer({"data": self._views.user(account, wanted)})

    def _named(self, username: str) -> Account | None:
        return next(
            (a for a in self.host.accounts.values() if a.network == "x" and a.handle.casefold() == username.casefold()),
            None,
        )

    # --- lists of posts ---

    async def _own_posts(self, call: RestCall) -> Answer:
        wanted = _wanted(call, *PAGE, "exclude")
        owner = self.host.account("x", call.path("id"))
        if owner is None:
            return Answer({"errors": [not_found("user", "id", call.path("id"))]})
        excluded = set(call.params.get("exclude", "").split(","))
        if excluded - {"", "replies", "retweets"}:
            raise invalid(f"The `exclude` query parameter value [{call.params['exclude']}] is not valid.", "exclude")
        posts = _within(call, self.feed(call, owner).posts)[-MOST_LISTED:]
        if "replies" in excluded:
            posts = [post for post in posts if not post.is_reply]

        def show(post: Post) -> Shown:
            return self._views.of_post(post, self.counts(call, post))

        return Answer(self._page(call, posts, show, wanted, lowest=5, token_name="pagination_token"))

    async def _mentions(self, call: RestCall) -> Answer:
        """What the audience wrote to the account: here, their answers to its posts."""
        wanted = _wanted(call, *PAGE)
        owner = self.host.account("x", call.path("id"))
        if owner is None:
            return Answer({"errors": [not_found("user", "id", call.path("id"))]})
        comments = [c for post in self.feed(call, owner).posts for c in self.host.comments(post)]
        found = _within(call, sorted(comments, key=_order))
        return Answer(self._page(call, found, self._views.of_comment, wanted, lowest=5, token_name="pagination_token"))

    async def _search(self, call: RestCall) -> Answer:
        """The last seven days of a conversation: the one query that this X understands."""
        wanted = _wanted(call, *PAGE, "query", "next_token", "sort_order")
        query = _CONVERSATION.fullmatch(call.params.get("query", "").strip())
        if query is None:
            raise invalid("There were errors processing your request: no viable alternative at input.", "query")
        since = self.host.clock.now_ms - SEARCH_MS
        shown = [s for s in _within(call, self._conversation(call, query.group(1))) if s.created_ms >= since]
        token_name = "pagination_token" if "pagination_token" in call.params else "next_token"
        return Answer(self._page(call, shown, lambda s: s, wanted, lowest=10, token_name=token_name))

    def _conversation(self, call: RestCall, root_id: str) -> list[Shown]:
        """The conversation's posts that may be seen, oldest first; without hidden ones."""
        root = self.host.post("x", root_id)
        if root is None:
            return []
        shown = [self._views.of_post(root, self.counts(call, root))]
        shown += [self._views.of_comment(comment) for comment in self.host.comments(root)]
        waiting = [s.native_id for s in shown]
        while waiting:
            for post in self.host.answers(waiting.pop()):
                if self._is_listed(call, post):
                    waiting.append(post.native_id)
                    shown.append(self._views.of_post(post, self.counts(call, post)))
        return sorted((s for s in shown if not self.host.is_marked("hidden", s.native_id)), key=_order)

    def _is_listed(self, call: RestCall, post: Post) -> bool:
        feed = self.feed(call, self.host.accounts[post.account_id])
        return call.lag_seconds == 0 or any(p.native_id == post.native_id for p in feed.posts)

    def _page(
        self,
        call: RestCall,
        items: Sequence[Item],
        show: Callable[[Item], Shown],
        wanted: Wanted,
        *,
        lowest: int,
        token_name: str,
    ) -> dict[str, Any]:
        """One page, newest first, of what is given oldest first."""
        try:
            size = int(call.params.get("max_results", "10"))
        except ValueError:
            size = 0
        if not lowest <= size <= 100:
            raise invalid(
                f"The `max_results` query parameter value [{call.params.get('max_results')}] is not between {lowest} and 100",
                "max_results",
            )
        token = call.params.get(token_name)
        if "empty_page" in call.effects:
            here = token or _token(NEWEST)
            return {"meta": {"result_count": 0, "next_token": here}}
        end = bisect_left(items, _position(token), key=_order) if token else len(items)
        page = list(reversed(items[max(0, end - size) : end]))
        shown = [show(item) for item in page]
        bundle = self._bundle(call, shown * 2 if "duplicate_answer" in call.effects else shown, wanted)
        meta: dict[str, Any] = {"result_count": len(bundle.data)}
        if page:
            meta |= {"newest_id": page[0].native_id, "oldest_id": page[-1].native_id}
        if page and end > size:
            meta["next_token"] = _token(_order(page[-1]))
        return {**bundle.body(is_old=wanted.is_old), "meta": meta}

    def _bundle(self, call: RestCall, shown: Sequence[Shown], wanted: Wanted) -> Any:
        retired = call.effects.param("retired_metric", "metric", None)
        hidden = frozenset({str(retired)}) if retired else frozenset[str]()
        return self._views.bundle(shown, wanted, reader_id=call.caller.native_id, hidden_metrics=hidden)

    # --- single posts ---

    async def _lookup(self, call: RestCall) -> Answer:
        wanted = _wanted(call, "ids")
        ids = [i for i in call.params.get("ids", "").split(",") if i]
        if not 0 < len(ids) <= 100 or not all(i.isdigit() for i in ids):
            raise invalid("The `ids` query parameter is not valid.", "ids")
        found = {i: self._shown(call, i) for i in ids}
        bundle = self._bundle(call, [s for s in found.values() if s is not None], wanted)
        bundle.errors += [not_found("tweet", "ids", i) for i, s in found.items() if s is None]
        return Answer(bundle.body(is_old=wanted.is_old))

    async def _one(self, call: RestCall) -> Answer:
        wanted, native_id = _wanted(call), call.path("id")
        shown = self._shown(call, native_id)
        if shown is None:
            return Answer({"errors": [not_found("tweet", "id", native_id)]})
        return Answer(self._bundle(call, [shown], wanted).body(is_old=wanted.is_old, is_single=True))

    def _shown(self, call: RestCall, native_id: str) -> Shown | None:
        post = self.host.post("x", native_id)
        if post is not None:
            return self._views.of_post(post, self.counts(call, post)) if self._is_listed(call, post) else None
        comment = self.host.comment("x", native_id)
        return self._views.of_comment(comment) if comment else None

    async def _create(self, call: RestCall) -> Answer:
        body = call.json()
        if not isinstance(body, dict) or set(body) - CREATE_FIELDS:
            raise invalid("One or more parameters to your request was invalid.", "body")
        text, media, poll = str(body.get("text") or ""), body.get("media") or {}, body.get("poll")
        if not text.strip() and not media:
            raise invalid("Your Tweet must contain text or media.", "text")
        if weighted_length(text) > MOST_WEIGHT:
            raise invalid("Your Tweet text is too long.", "text")
        if poll is not None and (media or not _is_poll(poll)):
            raise invalid("The poll is not valid.", "poll")
        try:
            keys = self._media.usable_keys(call.caller, list(map(str, media.get("media_ids", ()))))
        except UploadError as error:
            raise invalid(str(error), error.parameter) from None
        parent = self._answerable(call, body.get("reply"))
        if call.has_guard and self._is_repeated(call.caller, text, parent, keys):
            raise forbidden(DUPLICATE)
        kind = "video" if keys and not keys[0].startswith("3_") else "carousel" if len(keys) > 1 else "image"
        details: dict[str, Any] = {"media_keys": keys}
        details |= {name: body[name] for name in ("poll", "geo", "made_with_ai", "paid_partnership") if name in body}
        published, _ = self.host.publish(
            call.caller,
            text,
            content_format=kind if keys else "text",
            media_count=len(keys),
            reply_to=parent,
            details=details,
        )
        shown = self._views.of_post(published.post, {})
        bundle = self._views.bundle([shown], Wanted(), reader_id=call.caller.native_id)
        location = f"{self.host.base_url}/x/2/tweets/{published.post.native_id}"
        return Answer({"data": bundle.data[0]}, 201, {"location": location})

    def _answerable(self, call: RestCall, reply: Any) -> str | None:
        """What a new post answers. Apps may answer only who spoke to the account: here, what stands under its own posts."""
        target = str(reply.get("in_reply_to_tweet_id", "")) if isinstance(reply, dict) else None
        if target is None:
            return None
        shown = self._shown(call, target)
        if shown is None:
            raise forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
        if call.caller.native_id not in (shown.author_id, shown.parent_author_id):
            raise forbidden("Reply to this conversation is not allowed because you have not been mentioned.")
        return target

    def _is_repeated(self, account: Account, text: str, parent: str | None, keys: Sequence[str]) -> bool:
        """Whether the account has just posted this very thing: text, media, and what it answers."""
        since = self.host.clock.now_ms - DUPLICATE_WINDOW_MS
        return any(
            item.post.text == text and item.details["media_keys"] == keys and self.host.parent_of(item) == parent
            for item in self.host.published(account.native_id)
            if item.post.created_ms >= since
        )

    async def _delete(self, call: RestCall) -> Answer:
        post = self.host.post("x", call.path("id"))
        if post is None:
            return Answer({"errors": [not_found("tweet", "id", call.path("id"))]})
        if post.account_id != call.caller.native_id:
            raise forbidden("You are not authorized to delete this Tweet.")
        self.host.delete(post)
        return Answer({"data": {"deleted": True}})

    async def _hide(self, call: RestCall) -> Answer:
        """Hide or show an answer to one of the account's posts."""
        body, comment = call.json(), self.host.comment("x", call.path("id"))
        if not isinstance(body, dict) or not isinstance(body.get("hidden"), bool):
            raise invalid("The `hidden` field is not a boolean.", "hidden")
        post = self.host.post("x", comment.post_id) if comment else None
        if comment is None or post is None or post.account_id != call.caller.native_id:
            raise forbidden("You are not authorized to hide this reply.")
        self.host.mark("hidden", comment.native_id, is_set=body["hidden"])
        return Answer({"data": {"hidden": body["hidden"]}})


def _wanted(call: RestCall, *known: str) -> Wanted:
    try:
        return wanted_by(call.params, SHOW.union(known))
    except WordError as error:
        raise invalid(str(error), error.parameter) from None


def _name(call: RestCall) -> str:
    return f"{call.endpoint.method} {call.endpoint.path}"


def _limit_headers(limit: int, remaining: int, reset: int) -> dict[str, str]:
    return {
        "x-rate-limit-limit": str(limit),
        "x-rate-limit-remaining": str(remaining),
        "x-rate-limit-reset": str(reset),
    }


def _is_poll(poll: Any) -> bool:
    try:
        choices, minutes = poll["options"], poll["duration_minutes"]
        return 2 <= len(choices) <= 4 and all(0 < len(c) <= 25 for c in choices) and 5 <= minutes <= 10_080
    except (KeyError, TypeError):
        return False


def _order(item: Post | Comment | Shown) -> tuple[int, str]:
    return item.created_ms, item.native_id


def _within(call: RestCall, items: Sequence[Item]) -> Sequence[Item]:
    """Those, of items oldest first, that lie within the times and ids of the request."""
    start, end = _moment(call, "start_time"), _moment(call, "end_time")
    first = 0 if start is None else bisect_left(items, start, key=lambda item: item.created_ms)
    last = len(items) if end is None else bisect_left(items, end, key=lambda item: item.created_ms)
    items = items[first:last]
    since_id, until_id = (int(call.params.get(name, "0")) for name in ("since_id", "until_id"))
    if since_id or until_id:
        items = [i for i in items if int(i.native_id) > since_id and (not until_id or int(i.native_id) < until_id)]
    return items


def _moment(call: RestCall, name: str) -> int | None:
    if name not in call.params:
        return None
    try:
        return to_ms(datetime.strptime(call.params[name], "%Y-%m-%dT%H:%M:%S%z"))
    except ValueError:
        raise invalid(f"Invalid '{name}':'{call.params[name]}'. Must be RFC 3339.", name) from None


def _token(position: tuple[int, str]) -> str:
    moment_ms, native_id = position
    return base64.b32encode(f"{moment_ms}:{native_id}".encode()).decode().lower().rstrip("=")


def _position(token: str) -> tuple[int, str]:
    try:
        text = base64.b32decode(token.upper() + "=" * (-len(token) % 8)).decode()
        moment_ms, _, native_id = text.partition(":")
        return int(moment_ms), native_id
    except (binascii.Error, ValueError):
        raise invalid(f"The `next_token` query parameter value [{token}] is not valid", "next_token") from None

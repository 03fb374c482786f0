"""Bluesky's XRPC: a personal data server (accounts, repositories, blobs), the AppView's reads and the video service, under
`/bluesky/xrpc`.

Posts must have a TID as record key; `createRecord` twice with one key answers 500 as the real server does, `putRecord` twice
is a no-op. Posts stand in the repository at once; the AppView may lag (fault `read_lag`).
"""

import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from sandbox.credentials import SERVER_DID, BadTokenError, Credentials, Session
from sandbox.faults import Effects
from sandbox.host import Feed, Host, published_record
from sandbox.limits import Window
from sandbox.networks import bluesky_records as records
from sandbox.networks.bluesky_films import BlueskyFilms
from sandbox.networks.bluesky_views import BlueskyViews, rkey_of, timestamp
from sandbox.networks.cid import blob_cid, record_cid
from sandbox.wire import Answer, Call, Refusal, perform_with_faults
from sandbox.world.ids import tid
from sandbox.world.model import Account, Post, to_ms

_CONTENT_TYPE = "application/json; charset=utf-8"
_MAX_BLOB_BYTES = 50 * 1024 * 1024
_HOURLY_POINTS, _DAILY_POINTS = 5000, 35000
_REQUESTS_PER_IP = 3000
"""In five minutes."""
_POINTS = {"create": 3, "update": 2, "delete": 1}


def _refuse(status: int, error: str, message: str, headers: Mapping[str, str] | None = None) -> Refusal:
    return Refusal(status, {"error": error, "message": message}, headers)


def _window_headers(window: Window) -> dict[str, str]:
    return {
        "ratelimit-limit": str(window.limit),
        "ratelimit-reset": str(window.resets_at),
        "ratelimit-remaining": str(window.remaining),
        "ratelimit-policy": f"{window.limit};w={window.window_seconds}",
    }


@dataclass
class Xrpc:
    """One request: its parameters, body, caller and the faults that hit it."""

    params: Mapping[str, list[str]]
    body: bytes
    content_type: str
    token: str | None
    did: str | None
    effects: Effects

    def text(self, name: str) -> str:
        """A required parameter."""
        values = self.params.get(name)
        if not values or not values[0]:
            raise _refuse(400, "InvalidRequest", f'Error: Params must have the property "{name}"')
        return values[0]

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """An integer parameter within its lexicon's bounds."""
        raw = (self.params.get(name) or [str(default)])[0]
        if not re.fullmatch(r"-?\d+", raw):
            raise _refuse(400, "InvalidRequest", f"Error: {name} must be an integer")
        value = int(raw)
        if value < low:
            raise _refuse(400, "InvalidRequest", f"Error: {name} can not be less than {low}")
        if value > high:
            raise _refuse(400, "InvalidRequest", f"Error: {name} can not be greater than {high}")
        return value

    def json(self) -> dict[str, Any]:
        """The body as an object."""
        try:
            body = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise _refuse(400, "InvalidRequest", "Error: Input must be an object")
        return body

    @property
    def lag_seconds(self) -> float:
        """How far the AppView is behind for this request."""
        return float(self.effects.param("read_lag", "seconds", 1.3)) if "read_lag" in self.effects else 0.0


Handler = Callable[[Xrpc], Awaitable[Answer]]


class Bluesky:
    """The network's three servers behind one address."""

    def __init__(self, host: Host, credentials: Credentials) -> None:
        self._host = host
        self._credentials = credentials
        self._views = BlueskyViews(host)
        self._films = BlueskyFilms(host)
        self._methods: dict[str, tuple[str, str, str, Handler]] = {
            # NSID: (HTTP method, operation, who may call, handler)
            "com.atproto.server.createSession": ("POST", "token", "anyone", self._create_session),
            "com.atproto.server.refreshSession": ("POST", "token", "refresh", self._refresh_session),
            "com.atproto.server.deleteSession": ("POST", "token", "refresh", self._delete_session),
            "com.atproto.server.getSession": ("GET", "token", "access", self._get_session),
            "com.atproto.server.describeServer": ("GET", "read", "anyone", self._describe_server),
            "com.atproto.server.getServiceAuth": ("GET", "read", "access", self._get_service_auth),
            "com.atproto.identity.resolveHandle": ("GET", "read", "anyone", self._resolve_handle),
            "com.atproto.repo.createRecord": ("POST", "publish", "access", self._create_record),
            "com.atproto.repo.putRecord": ("POST", "publish", "access", self._put_record),
            "com.atproto.repo.deleteRecord": ("POST", "delete", "access", self._delete_record),
            "com.atproto.repo.getRecord": ("GET", "read", "anyone", self._get_record),
            "com.atproto.repo.listRecords": ("GET", "read", "anyone", self._list_records),
            "com.atproto.repo.uploadBlob": ("POST", "stage", "access", self._upload_blob),
            "app.bsky.actor.getProfile": ("GET", "read", "access", self._get_profile),
            "app.bsky.feed.getAuthorFeed": ("GET", "read", "access", self._get_author_feed),
            "app.bsky.feed.getPosts": ("GET", "read", "access", self._get_posts),
            "app.bsky.feed.getPostThread": ("GET", "read", "access", self._get_post_thread),
            "app.bsky.notification.listNotifications": ("GET", "read", "access", self._list_notifications),
            "app.bsky.video.uploadVideo": ("POST", "stage", "service", self._upload_video),
            "app.bsky.video.getJobStatus": ("GET", "read", "anyone", self._get_job_status),
        }

    def routes(self) -> list[BaseRoute]:
        """Where the network answers."""
        return [Route("/bluesky/xrpc/{nsid}", self._dispatch, methods=["GET", "POST"])]

    # --- one request ---

    async def _dispatch(self, request: Request) -> Response:
        nsid = request.path_params["nsid"]
        body = await request.body()
        known = self._methods.get(nsid)
        if known is None or known[0] != request.method:
            status, error = (501, "MethodNotImplemented") if known is None else (405, "InvalidRequest")
            message = "Method Not Implemented" if known is None else f"Incorrect HTTP method ({request.method})"
            return Answer({"error": error, "message": message}, status).response(_CONTENT_TYPE)
        _, operation, caller, handler = known
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        call = Xrpc(
            params={name: request.query_params.getlist(name) for name in request.query_params},
            body=body,
            content_type=request.headers.get("content-type", ""),
            token=token if scheme.lower() == "bearer" and token else None,
            did=None,
            effects=Effects({}),
        )
        call.did = self._caller_of(call.token)
        if operation == "publish":
            operation = self._write_operation(body)
        call.effects = self._host.faults.draw("bluesky", operation, nsid, call.did)
        if "expire_token" in call.effects and call.token:
            self._credentials.expire_access(call.token)

        async def perform() -> Answer:
            if window.is_exceeded:
                raise _refuse(429, "RateLimitExceeded", "Rate Limit Exceeded")
            if caller == "access":
                self._require_access(call)
            elif caller in ("refresh", "service") and call.token is None:
                raise _refuse(401, "AuthMissing", "Authentication Required")
            return await handler(call)

        is_write = operation in ("publish", "reply")
        caller_ip = request.client.host if request.client else "unknown"
        window = self._host.limits.spend(f"bluesky:ip:{caller_ip}", 1, _REQUESTS_PER_IP, 300)
        return await perform_with_faults(
            Call(
                request=request,
                effects=call.effects,
                content_type=_CONTENT_TYPE,
                perform=perform,
                rate_limited=lambda: self._rate_limited(call.effects),
                server_error=lambda status: _refuse(status, "InternalServerError", "Internal Server Error"),
                finish=lambda answer: Answer(answer.body, answer.status, {**_window_headers(window), **answer.headers}),
                duplicate=(lambda: _refuse(500, "InternalServerError", "Internal Server Error")) if is_write else None,
            )
        )

    def _caller_of(self, token: str | None) -> str | None:
        try:
            return self._credentials.did_of(token) if token else None
        except BadTokenError:
            return None

    def _require_access(self, call: Xrpc) -> None:
        if call.token is None:
            raise _refuse(401, "AuthMissing", "Authentication Required")
        try:
            call.did = self._credentials.did_of(call.token)
        except BadTokenError as error:
            if error.reason == "expired":
                raise _refuse(400, "ExpiredToken", "Token has expired") from None
            raise _refuse(400, "InvalidToken", "Token could not be verified") from None

    @staticmethod
    def _write_operation(body: bytes) -> str:
        try:
            return "reply" if "reply" in orjson.loads(body)["record"] else "publish"
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return "publish"

    @staticmethod
    def _rate_limited(effects: Effects) -> Refusal:
        wait = float(effects.param("rate_limit", "retry_after_seconds", 60))
        headers = {
            "ratelimit-limit": str(_HOURLY_POINTS),
            "ratelimit-reset": str(round(time.time() + wait)),
            "ratelimit-remaining": "0",
            "ratelimit-policy": f"{_HOURLY_POINTS};w=3600",
            "retry-after": str(round(wait)),
        }
        return _refuse(429, "RateLimitExceeded", "Rate Limit Exceeded", headers)

    def _spend(self, key: str, points: int, limit: int, seconds: int) -> dict[str, str]:
        window = self._host.limits.spend(key, points, limit, seconds)
        headers = _window_headers(window)
        if window.is_exceeded:
            raise _refuse(429, "RateLimitExceeded", "Rate Limit Exceeded", headers)
        return headers

    def _spend_write(self, did: str, kind: str) -> dict[str, str]:
        self._spend(f"bluesky:writes:{did}", _POINTS[kind], _DAILY_POINTS, 86400)
        return self._spend(f"bluesky:writes:{did}", _POINTS[kind], _HOURLY_POINTS, 3600)

    # --- com.atproto.server ---

    def _session_view(self, account: Account) -> dict[str, Any]:
        document = {
            "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/secp256k1-2019/v1"],
            "id": account.native_id,
            "alsoKnownAs": [f"at://{account.handle}"],
            "verificationMethod": [],
            "service": [
                {
                    "id": "#atproto_pds",
                    "type": "AtprotoPersonalDataServer",
                    "serviceEndpoint": f"{self._host.base_url}/bluesky",
                }
            ],
        }
        return {
            "did": account.native_id,
            "didDoc": document,
            "handle": account.handle,
            "email": f"{account.handle.split('.')[0]}@example.test",
            "emailConfirmed": False,
            "active": True,
        }

    def _session_answer(self, did: str, session: Session, headers: Mapping[str, str]) -> Answer:
        tokens = {"accessJwt": session.access, "refreshJwt": session.refresh}
        return Answer(tokens | self._session_view(self._host.accounts[did]), headers=headers)

    async def _create_session(self, call: Xrpc) -> Answer:
        body = call.json()
        name = str(body.get("identifier", "")).removeprefix("@").lower()
        headers = self._spend(f"bluesky:session:{name}", 1, 30, 300)
        self._spend(f"bluesky:session:{name}", 1, 300, 86400)
        account = self._host.account("bluesky", name)
        is_known = account is not None and not account.is_competitor
        if not is_known or account is None or body.get("password") != self._credentials.app_password(account):
            raise _refuse(401, "AuthenticationRequired", "Invalid identifier or password", headers)
        return self._session_answer(account.native_id, self._credentials.open_session(account.native_id), headers)

    async def _refresh_session(self, call: Xrpc) -> Answer:
        try:
            did, session = self._credentials.rotate(call.token or "")
        except BadTokenError as error:
            if error.reason == "invalid":
                raise _refuse(400, "InvalidToken", "Token could not be verified") from None
            word = "revoked" if error.reason == "revoked" else "expired"
            raise _refuse(400, "ExpiredToken", f"Token has been {word}") from None
        return self._session_answer(did, session, {})

    async def _delete_session(self, call: Xrpc) -> Answer:
        try:
            self._credentials.close_session(call.token or "")
        except BadTokenError:
            raise _refuse(400, "InvalidToken", "Token could not be verified") from None
        return Answer({})

    async def _get_session(self, call: Xrpc) -> Answer:
        return Answer(self._session_view(self._host.accounts[str(call.did)]))

    async def _describe_server(self, call: Xrpc) -> Answer:
        del call
        return Answer({"did": SERVER_DID, "availableUserDomains": [".bsky.test"], "inviteCodeRequired": True})

    async def _get_service_auth(self, call: Xrpc) -> Answer:
        method = call.params.get("lxm", [None])[0]
        ends = call.integer("exp", 0, 0, 2**53) or None
        try:
            token = self._credentials.service_token(str(call.did), call.text("aud"), method, ends)
        except ValueError:
            raise _refuse(400, "BadExpiration", "expiration is in the past or too far in the future") from None
        return Answer({"token": token})

    async def _resolve_handle(self, call: Xrpc) -> Answer:
        account = self._host.account("bluesky", call.text("handle").lower())
        if account is None:
            raise _refuse(400, "InvalidRequest", "Unable to resolve handle")
        return Answer({"did": account.native_id})

    # --- com.atproto.repo ---

    def _own_repo(self, call: Xrpc, body: Mapping[str, Any]) -> Account:
        account = self._host.account("bluesky", str(body.get("repo", "")))
        if account is None:
            raise _refuse(400, "InvalidRequest", f"Could not find repo: {body.get('repo')}")
        if account.native_id != call.did:
            raise _refuse(401, "AuthenticationRequired", "Authentication Required")
        return account

    def _checked(self, body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        collection, record = body.get("collection"), body.get("record")
        if not records.is_collection(collection):
            raise _refuse(400, "InvalidRequest", "Error: Input/collection must be a valid nsid")
        if not isinstance(record, dict):
            raise _refuse(400, "InvalidRequest", 'Error: Input must have the property "record"')
        record = {"$type": collection, **record}
        try:
            if record["$type"] != collection:
                raise records.InvalidRecordError(f"Invalid $type: expected {collection}, got {record['$type']}")
            if collection == records.POST:
                records.check_post(record)
        except records.InvalidRecordError as error:
            raise _refuse(400, "InvalidRequest", str(error)) from None
        return str(collection), record

    def _checked_rkey(self, collection: str, rkey: str) -> str:
        try:
            records.check_rkey(collection, rkey)
        except records.InvalidRecordError as error:
            raise _refuse(400, "InvalidRequest", str(error)) from None
        return rkey

    def _require_blobs(self, did: str, record: Mapping[str, Any]) -> None:
        for cid in records.blobs_of(record):
            if self._host.state.one("blobs", cid=cid, did=did) is None:
                raise _refuse(400, "BlobNotFound", f"Could not find blob: {cid}")

    def _commit(self, rev: str, payload: Any) -> dict[str, str]:
        return {"cid": record_cid({"rev": rev, "data": payload}), "rev": rev}

    def _write(self, account: Account, collection: str, rkey: str, record: dict[str, Any]) -> Answer:
        """Insert a record, durable when this returns. Raises sqlite3.IntegrityError when the key is taken."""
        uri, cid, now_ms = f"at://{account.native_id}/{collection}/{rkey}", record_cid(record), self._host.clock.now_ms
        if collection == records.POST and self._host.post("bluesky", uri) is not None:
            raise sqlite3.IntegrityError("the key belongs to an older post")
        posts_before, previous_ms = self._host.recent_activity(account)
        with self._host.state.transaction():
            sequence = self._host.state.next_number("commit")
            row = {
                "uri": uri,
                "did": account.native_id,
                "collection": collection,
                "rkey": rkey,
                "cid": cid,
                "value": orjson.dumps(record).decode(),
                "indexed_ms": now_ms,
                "committed_at": time.time(),
                "sequence": sequence,
                "posts_before": posts_before,
                "previous_ms": previous_ms,
            }
            self._host.state.insert("records", **row)
        if collection == records.POST:
            self._host.remember(published_record(row))
        return self._written(uri, cid, self._commit(tid(now_ms, sequence), cid), collection)

    @staticmethod
    def _written(uri: str, cid: str, commit: Mapping[str, str] | None, collection: str) -> Answer:
        body: dict[str, Any] = {"uri": uri, "cid": cid}
        if commit is not None:
            body["commit"] = commit
        return Answer(body | {"validationStatus": "valid" if collection == records.POST else "unknown"})

    async def _create_record(self, call: Xrpc) -> Answer:
        body = call.json()
        account = self._own_repo(call, body)
        collection, record = self._checked(body)
        rkey = str(body.get("rkey") or tid(self._host.clock.now_ms, self._host.state.next_number("rkey")))
        self._checked_rkey(collection, rkey)
        self._require_blobs(account.native_id, record)
        headers = self._spend_write(account.native_id, "create")
        try:
            answer = self._write(account, collection, rkey, record)
        except sqlite3.IntegrityError:
            raise _refuse(500, "InternalServerError", "Internal Server Error", headers) from None
        return Answer(answer.body, headers=headers)

    async def _put_record(self, call: Xrpc) -> Answer:
        body = call.json()
        account = self._own_repo(call, body)
        collection, record = self._checked(body)
        if not body.get("rkey"):
            raise _refuse(400, "InvalidRequest", 'Error: Input must have the property "rkey"')
        rkey = self._checked_rkey(collection, str(body["rkey"]))
        self._require_blobs(account.native_id, record)
        uri = f"at://{account.native_id}/{collection}/{rkey}"
        known = self._host.state.one("records", uri=uri)
        headers = self._spend_write(account.native_id, "create" if known is None else "update")
        if known is None:
            return Answer(self._write(account, collection, rkey, record).body, headers=headers)
        cid = record_cid(record)
        if known["cid"] == cid:
            return Answer(self._written(uri, cid, None, collection).body, headers=headers)
        self._host.state.update("records", {"uri": uri}, cid=cid, value=orjson.dumps(record).decode())
        if collection == records.POST:
            self._host.remember(published_record(self._host.state.rows("records", uri=uri)[0]))
        commit = self._commit(tid(self._host.clock.now_ms, self._host.state.next_number("commit")), cid)
        return Answer(self._written(uri, cid, commit, collection).body, headers=headers)

    async def _delete_record(self, call: Xrpc) -> Answer:
        body = call.json()
        account = self._own_repo(call, body)
        uri = f"at://{account.native_id}/{body.get('collection')}/{body.get('rkey')}"
        headers = self._spend_write(account.native_id, "delete")
        post = self._host.post("bluesky", uri)
        existed = self._host.state.delete("records", uri=uri) > 0 or post is not None
        if post is not None:
            self._host.forget(post)
        if not existed:
            return Answer({}, headers=headers)
        rev = tid(self._host.clock.now_ms, self._host.state.next_number("commit"))
        return Answer({"commit": self._commit(rev, uri)}, headers=headers)

    def _repo(self, call: Xrpc) -> Account:
        account = self._host.account("bluesky", call.text("repo"))
        if account is None:
            raise _refuse(400, "InvalidRequest", f"Could not find repo: {call.text('repo')}")
        return account

    async def _get_record(self, call: Xrpc) -> Answer:
        account, collection, rkey = self._repo(call), call.text("collection"), call.text("rkey")
        uri = f"at://{account.native_id}/{collection}/{rkey}"
        stored = self._host.state.one("records", uri=uri)
        if stored is not None:
            return Answer({"uri": uri, "cid": stored["cid"], "value": orjson.loads(stored["value"])})
        post = self._host.post("bluesky", uri) if collection == records.POST else None
        if post is None:
            raise _refuse(400, "RecordNotFound", f"Could not locate record: {uri}")
        value, cid = self._views.record(post)
        return Answer({"uri": uri, "cid": cid, "value": value})

    async def _list_records(self, call: Xrpc) -> Answer:
        account, collection = self._repo(call), call.text("collection")
        limit = call.integer("limit", 50, 1, 100)
        found: list[tuple[str, str, Any]] = []
        if collection == records.POST:
            for post in self._host.feed(account).posts:
                value, cid = self._views.record(post)
                found.append((post.native_id, cid, value))
        else:
            rows = self._host.state.rows("records", did=account.native_id, collection=collection)
            found = [(row["uri"], row["cid"], orjson.loads(row["value"])) for row in rows]
        ascending = call.params.get("reverse", ["false"])[0] == "true"
        found.sort(key=lambda item: rkey_of(item[0]), reverse=not ascending)
        cursor = call.params.get("cursor", [""])[0]
        if cursor:
            found = [item for item in found if (rkey_of(item[0]) > cursor) == ascending and rkey_of(item[0]) != cursor]
        page = found[:limit]
        body: dict[str, Any] = {"records": [{"uri": uri, "cid": cid, "value": value} for uri, cid, value in page]}
        if len(page) == limit:
            body["cursor"] = rkey_of(page[-1][0])
        return Answer(body)

    async def _upload_blob(self, call: Xrpc) -> Answer:
        if len(call.body) > _MAX_BLOB_BYTES:
            raise _refuse(413, "PayloadTooLarge", "request entity too large")
        if not call.content_type:
            raise _refuse(400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")
        did, cid = str(call.did), blob_cid(call.body)
        mime_type = records.sniffed_mime_type(call.body) or call.content_type.split(";")[0].strip()
        if self._host.state.one("blobs", cid=cid, did=did) is None:
            self._host.state.insert("blobs", cid=cid, did=did, mime_type=mime_type, content=call.body)
        blob = {"$type": "blob", "ref": {"$link": cid}, "mimeType": mime_type, "size": len(call.body)}
        return Answer({"blob": blob})

    # --- app.bsky.video ---

    async def _upload_video(self, call: Xrpc) -> Answer:
        """For a service token only: with it the service stores the processed film on the account's server."""
        try:
            did = self._credentials.did_of_service_token(call.token or "", SERVER_DID, "com.atproto.repo.uploadBlob")
        except BadTokenError as error:
            name = "ExpiredToken" if error.reason == "expired" else "InvalidToken"
            raise _refuse(401, name, "Token could not be verified") from None
        if call.content_type.split(";")[0].strip() != "video/mp4":
            raise _refuse(400, "InvalidRequest", f"Wrong request encoding (Content-Type): {call.content_type}")
        if len(call.body) > records.MAX_FILM_BYTES:
            raise _refuse(413, "PayloadTooLarge", "request entity too large")
        return Answer({"jobStatus": self._films.take(did, call.body)})

    async def _get_job_status(self, call: Xrpc) -> Answer:
        status = self._films.poll(call.text("jobId"))
        if status is None:
            raise _refuse(400, "InvalidRequest", "Job not found")
        return Answer({"jobStatus": status})

    # --- app.bsky ---

    def _actor(self, call: Xrpc) -> Account:
        account = self._host.account("bluesky", call.text("actor"))
        if account is None or account.is_competitor:
            raise _refuse(400, "InvalidRequest", "Profile not found")
        return account

    async def _get_profile(self, call: Xrpc) -> Answer:
        return Answer(self._views.profile(self._actor(call)))

    async def _get_author_feed(self, call: Xrpc) -> Answer:
        account, limit = self._actor(call), call.integer("limit", 50, 1, 100)
        position = self._position(call, account)
        feed = self._host.feed(account, lag_seconds=call.lag_seconds)
        wanted = call.params.get("filter", ["posts_with_replies"])[0]
        if wanted == "posts_no_replies":
            feed = Feed([post for post in feed.posts if not post.is_reply])
        elif wanted == "posts_with_media":
            feed = Feed([post for post in feed.posts if post.media_count and not post.is_reply])
        if "empty_page" in call.effects:
            here = call.params.get("cursor", [f"{self._host.clock.now_ms + 1}__start"])[0]
            return Answer({"feed": [], "cursor": here})
        page = feed.before(position, limit)
        items = [self._views.feed_item(post, call.effects) for post in page]
        if "duplicate_answer" in call.effects:
            items = [item for item in items for _ in range(2)]
        body: dict[str, Any] = {"feed": items}
        if len(page) == limit:
            body["cursor"] = f"{page[-1].created_ms}__{rkey_of(page[-1].native_id)}"
        return Answer(body)

    def _position(self, call: Xrpc, account: Account) -> tuple[int, str] | None:
        cursor = call.params.get("cursor", [""])[0]
        if not cursor:
            return None
        moment, _, rkey = cursor.partition("__")
        if not moment.isdigit() or not rkey:
            raise _refuse(400, "InvalidRequest", "Malformed cursor")
        return int(moment), f"at://{account.native_id}/{records.POST}/{rkey}"

    def _is_indexed(self, post: Post, lag_seconds: float) -> bool:
        published = self._host.published_post(post.native_id, post.account_id)
        return published is None or published.committed_at <= time.time() - lag_seconds

    async def _get_posts(self, call: Xrpc) -> Answer:
        uris = call.params.get("uris", []) + call.params.get("uris[]", [])
        if not uris:
            raise _refuse(400, "InvalidRequest", 'Error: Params must have the property "uris"')
        if len(uris) > 25:
            raise _refuse(400, "InvalidRequest", "Error: uris must not have more than 25 elements")
        views = []
        for uri in dict.fromkeys(uris):
            post = self._host.post("bluesky", uri)
            if post is not None and not self._is_indexed(post, call.lag_seconds):
                continue
            view = self._views.any_post(uri, call.effects)
            if view is not None:
                views.append(view)
        return Answer({"posts": views})

    async def _get_post_thread(self, call: Xrpc) -> Answer:
        uri, depth = call.text("uri"), call.integer("depth", 6, 0, 1000)
        post = self._host.post("bluesky", uri)
        is_visible = post is None or self._is_indexed(post, call.lag_seconds)
        thread = self._views.thread(uri, depth, call.effects) if is_visible else None
        if thread is None:
            raise _refuse(400, "NotFound", f"Post not found: {uri}")
        return Answer({"thread": thread})

    async def _list_notifications(self, call: Xrpc) -> Answer:
        account, limit = self._host.accounts[str(call.did)], call.integer("limit", 50, 1, 100)
        cursor = call.params.get("cursor", [""])[0]
        before_ms = self._host.clock.now_ms + 1
        if cursor:
            try:
                before_ms = to_ms(datetime.fromisoformat(cursor))
            except ValueError:
                raise _refuse(400, "InvalidRequest", "Malformed cursor") from None
        arrived = [
            comment
            for post in self._host.feed(account).before(None, 200)
            for comment in self._host.comments(post)
            if comment.created_ms < before_ms
        ]
        arrived.sort(key=lambda comment: (-comment.created_ms, comment.native_id))
        notifications = []
        for comment in arrived[:limit]:
            view = self._views.comment(comment)
            notifications.append(
                {
                    "uri": view["uri"],
                    "cid": view["cid"],
                    "author": view["author"],
                    "reason": "reply",
                    "reasonSubject": comment.post_id,
                    "record": view["record"],
                    "isRead": False,
                    "indexedAt": view["indexedAt"],
                    "labels": [],
                }
            )
        body: dict[str, Any] = {"notifications": notifications, "priority": False}
        if len(notifications) == limit:
            body["cursor"] = notifications[-1]["indexedAt"]
        return Answer(body | {"seenAt": timestamp(self._host.clock.now_ms)})

"""LinkedIn's Community Management API: pages of organizations, their posts, statistics and comments, on one address.

Paths are the network's own below `/linkedin`: `/rest/...`, the token host's `/oauth/v2/accessToken`, and the upload addresses that
answers name. Belongs here: paths, headers, paging, posts, comments. Does not belong here: Rest.li's syntax, little text, assets,
statistics, wordings of refusals (`linkedin_*.py`).

Known to be judged, not recorded: the window of the duplicate guard, the numbers of the limits, ranges of ids.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from sandbox.credentials import LIFETIMES, BadTokenError, Credentials
from sandbox.host import Host
from sandbox.limits import Window
from sandbox.networks import linkedin_restli as restli
from sandbox.networks import linkedin_text as little_text
from sandbox.networks.linkedin_assets import UPLOAD_PATH, Assets
from sandbox.networks.linkedin_refusals import denied, duplicate_of, invalid, missing, not_there, refuse
from sandbox.networks.linkedin_statistics import Statistics
from sandbox.networks.rest import Endpoint, RestCall, RestNetwork
from sandbox.wire import Answer, Refusal
from sandbox.world.ids import post_id
from sandbox.world.model import Account, Comment, Post
from sandbox.world.seeding import number

NETWORK = "linkedin"
OLDEST_VERSION = "202507"
PROTOCOL = "2.0.0"
MEMBER_CALLS_DAY, APP_CALLS_DAY = 2_000, 100_000
DAY_SECONDS = 86_400
GUARD_MS = 10 * 60 * 1000
"""How long the same text is refused again, by the world's clock."""
MOST_ON_A_PAGE, ON_A_PAGE = 100, 10
LONGEST_COMMENTARY, LONGEST_COMMENT = 3_000, 1_250
MOST_IMAGES = 20
POLL_DURATIONS = ("ONE_DAY", "THREE_DAYS", "SEVEN_DAYS", "FOURTEEN_DAYS")

Query = Mapping[str, Any]
RestHandler = Callable[[RestCall, Query], Awaitable[Answer]]


class LinkedIn(RestNetwork):
    """All pages of the world that are on LinkedIn."""

    network = NETWORK

    def __init__(self, host: Host, credentials: Credentials) -> None:
        super().__init__(host, credentials)
        self._assets = Assets(host, NETWORK)
        self._statistics = Statistics(host)
        self._newest_urn = ""
        """What was published last: the fault `duplicate_answer` says that it was there before."""

    # --- the course of a request ---

    def endpoints(self) -> Sequence[Endpoint]:
        rest = self._rest
        return (
            Endpoint("POST", "/oauth/v2/accessToken", "token", self._renew, is_public=True),
            Endpoint("PUT", UPLOAD_PATH, "stage", self._assets.receive, is_public=True),
            rest("GET", "/organizationAcls", "read", self._roles),
            rest("GET", "/organizations/{id}", "read", self._organization),
            rest("GET", "/networkSizes/{urn}", "read", self._network_size),
            rest("GET", "/posts", "read", self._posts),
            rest("POST", "/posts", "publish", self._publish, duplicate=lambda: duplicate_of(self._newest_urn)),
            rest("GET", "/posts/{urn}", "read", self._post),
            rest("DELETE", "/posts/{urn}", "stage", self._delete),
            rest("GET", "/organizationalEntityShareStatistics", "read", self._share_statistics),
            rest("GET", "/organizationalEntityFollowerStatistics", "read", self._follower_statistics),
            rest("GET", "/organizationPageStatistics", "read", self._page_statistics),
            rest("GET", "/socialActions/{urn}/comments", "read", self._comments),
            rest("POST", "/socialActions/{urn}/comments", "reply", self._comment),
            rest("DELETE", "/socialActions/{urn}/comments/{id}", "stage", self._delete_comment),
            *(rest("POST", f"/{kind}s", "stage", self._asset_action(kind)) for kind in ("image", "video")),
            *(rest("GET", f"/{kind}s/{{urn}}", "read", self._asset(kind)) for kind in ("image", "video")),
        )

    def bad_token(self, reason: str) -> Refusal:
        if reason == "expired":
            return refuse(401, "The token used in the request has expired", "EXPIRED_ACCESS_TOKEN", 65602)
        if reason == "missing":
            return refuse(401, "Empty oauth2_access_token", "EMPTY_ACCESS_TOKEN", 65604)
        return refuse(401, "Invalid access token", "INVALID_ACCESS_TOKEN", 65600)

    def rate_limited(self, call: RestCall, window: Window | None) -> Refusal:
        """No word on how long; only a fault that names a time gives a header, as a gateway in between may."""
        message = "Resource level throttle MEMBER DAY limit for calls to this resource is reached."
        refusal = refuse(429, message, "TOO_MANY_REQUESTS", 101)
        seconds = call.effects.param("rate_limit", "retry_after_seconds", None)
        if window is None and seconds is not None:
            refusal.answer.headers = {"retry-after": str(seconds)}
        return refusal

    def server_error(self, status: int) -> Refusal:
        return refuse(status, "Internal Server Error", "INTERNAL_SERVER_ERROR")

    def not_found(self) -> Refusal:
        return refuse(404, "No virtual resource found", "RESOURCE_NOT_FOUND", 0)

    def spend(self, call: RestCall) -> Window | None:
        """Per member and per app, by the UTC day; nothing in the answers tells of it."""
        if call.account is None:
            return None
        app = self.host.limits.spend("linkedin:app", 1, APP_CALLS_DAY, DAY_SECONDS)
        member = self.host.limits.spend(f"linkedin:{call.account.native_id}", 1, MEMBER_CALLS_DAY, DAY_SECONDS)
        return app if app.is_exceeded else member

    def headers(self, call: RestCall, window: Window | None) -> Mapping[str, str]:  # noqa: ARG002 - limits are not told
        return {"x-restli-protocol-version": PROTOCOL, "x-li-pop": "sandbox"}

    def _rest(
        self,
        method: str,
        path: str,
        operation: str,
        handler: RestHandler,
        *,
        duplicate: Callable[[], Refusal] | None = None,
    ) -> Endpoint:
        """An endpoint of the versioned API: version and protocol are demanded, URNs in its address have to be encoded."""

        async def serve(call: RestCall) -> Answer:
            version = call.request.headers.get("linkedin-version", "")
            if not version:
                raise refuse(400, "A version must be present. Please specify a version", "VERSION_MISSING")
            is_month = len(version) == 6 and version.isdigit() and "01" <= version[4:] <= "12"
            if not is_month or version < OLDEST_VERSION:
                message = f"Requested version {version} is not active"
                raise refuse(426, message, "NONEXISTENT_VERSION")
            if call.request.headers.get("x-restli-protocol-version") != PROTOCOL:
                raise refuse(400, "Only protocol version 2.0.0 is spoken here", "ILLEGAL_ARGUMENT")
            raw_path = call.request.scope["raw_path"].partition(b"?")[0]
            if any(reserved in raw_path for reserved in b"(),:"):
                raise refuse(400, "Syntax exception in path variables", "ILLEGAL_ARGUMENT")
            try:
                query = restli.read_query(call.request.url.query)
            except restli.RestliError as error:
                raise refuse(400, f"Invalid query parameters: {error}", "ILLEGAL_ARGUMENT") from None
            return await handler(call, query)

        return Endpoint(method, f"/rest{path}", operation, serve, duplicate=duplicate)

    def _page(
        self, call: RestCall, query: Query, items: Sequence[Any], show: Callable[[Any], dict[str, Any]]
    ) -> Answer:
        """A finder's page by offset. An empty page by fault names itself as the next one, so that nothing is lost."""
        try:
            start, count = int(query.get("start", 0)), int(query.get("count", ON_A_PAGE))
        except (TypeError, ValueError):
            raise invalid("/start", "start and count are numbers") from None
        if start < 0 or not 0 < count <= MOST_ON_A_PAGE:
            raise invalid("/count", f"count must be 1 to {MOST_ON_A_PAGE}, start not negative")
        elements = [show(item) for item in items[start : start + count]]
        following = start + count
        if "empty_page" in call.effects:
            elements, following = [], start
        if "duplicate_answer" in call.effects:
            elements = [element for element in elements for _ in range(2)]
        links = []
        if following < len(items):
            pairs = [
                pair for pair in call.request.url.query.split("&") if pair and not pair.startswith(("start=", "count="))
            ]
            path = call.request.url.path.removeprefix(f"/{NETWORK}")
            href = f"{path}?{'&'.join([*pairs, f'count={count}', f'start={following}'])}"
            links = [{"type": "application/json", "rel": "next", "href": href}]
        return Answer({"paging": {"start": start, "count": count, "links": links}, "elements": elements})

    # --- tokens ---

    async def _renew(self, call: RestCall) -> Answer:
        form = await call.form()
        if (
            form.get("client_id") != self.credentials.client_id
            or form.get("client_secret") != self.credentials.app_secret
        ):
            raise Refusal(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if form.get("grant_type") != "refresh_token":
            raise Refusal(400, {"error": "invalid_request", "error_description": "grant_type is not known"})
        try:
            _, grant = self.credentials.renew(NETWORK, str(form.get("refresh_token")))
        except BadTokenError:
            said = "The provided authorization grant or refresh token is invalid, expired or revoked"
            raise Refusal(400, {"error": "invalid_grant", "error_description": said}) from None
        life = LIFETIMES[NETWORK]
        return Answer(
            {
                "access_token": grant.access,
                "expires_in": life.access_seconds,
                "refresh_token": grant.refresh,
                "refresh_token_expires_in": life.refresh_seconds,
                "scope": "r_organization_social,rw_organization_admin,w_organization_social",
            }
        )

    # --- organizations ---

    async def _roles(self, call: RestCall, query: Query) -> Answer:
        if query.get("q") != "roleAssignee":
            raise invalid("/q", "only the finder roleAssignee")
        role = {
            "role": "ADMINISTRATOR",
            "organization": call.caller.native_id,
            "roleAssignee": f"urn:li:person:{number(0, 'admin', call.caller.native_id) % 10**10}",
            "state": "APPROVED",
        }
        return self._page(call, query, [role], lambda item: item)

    async def _organization(self, call: RestCall, query: Query) -> Answer:  # noqa: ARG002
        account = self._organization_of(f"urn:li:organization:{call.path('id')}")
        created = {
            "actor": f"urn:li:person:{number(0, 'admin', account.native_id) % 10**10}",
            "time": 1_600_000_000_000,
        }
        locale = {"en": ("US", "en"), "es": ("ES", "es"), "pt": ("BR", "pt")}.get(account.language, ("US", "en"))
        return Answer(
            {
                "vanityName": account.handle,
                "localizedName": account.display_name,
                "created": created,
                "lastModified": created,
                "groups": [],
                "versionTag": "1",
                "organizationType": "PRIVATELY_HELD",
                "defaultLocale": {"country": locale[0], "language": locale[1]},
                "alternativeNames": [],
                "specialties": [],
                "localizedSpecialties": [],
                "name": {
                    "localized": {f"{locale[1]}_{locale[0]}": account.display_name},
                    "preferredLocale": {"country": locale[0], "language": locale[1]},
                },
                "primaryOrganizationType": "NONE",
                "locations": [],
                "id": int(account.native_id.rpartition(":")[2]),
                "autoCreated": False,
            }
        )

    async def _network_size(self, call: RestCall, query: Query) -> Answer:
        if query.get("edgeType") != "COMPANY_FOLLOWED_BY_MEMBER":
            raise invalid("/edgeType", "only COMPANY_FOLLOWED_BY_MEMBER")
        account = self._organization_of(call.path("urn"))
        return Answer({"firstDegreeSize": self.host.world.followers(account, self.host.clock.now_ms) or 0})

    def _organization_of(self, urn: str) -> Account:
        account = self.host.account(NETWORK, urn)
        if account is None:
            raise not_there(urn)
        return account

    # --- posts ---

    async def _posts(self, call: RestCall, query: Query) -> Answer:
        if query.get("q") != "author" or query.get("sortBy", "LAST_MODIFIED") not in ("LAST_MODIFIED", "CREATED"):
            raise invalid("/q", "only the finder author, by LAST_MODIFIED or CREATED")
        if query.get("author") != call.caller.native_id:
            raise denied("posts.FINDER-author")
        return self._page(call, query, self.feed(call, call.caller).posts[::-1], self._show_post)

    async def _post(self, call: RestCall, query: Query) -> Answer:  # noqa: ARG002
        """By id a post is readable at once: only listings lag."""
        post = self.host.post(NETWORK, call.path("urn"))
        if post is None:
            raise not_there(call.path("urn"))
        return Answer(self._show_post(post))

    def _show_post(self, post: Post) -> dict[str, Any]:
        published = self.host.published_post(post.native_id, post.account_id)
        kept = published.details if published else {}
        shown: dict[str, Any] = {
            "id": post.native_id,
            "author": post.account_id,
            "commentary": kept.get("commentary", little_text.write(post.text)),
            "visibility": kept.get("visibility", "PUBLIC"),
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "lifecycleStateInfo": {"isEditedByAuthor": False},
            "isReshareDisabledByAuthor": kept.get("isReshareDisabledByAuthor", False),
            "createdAt": post.created_ms,
            "publishedAt": post.created_ms,
            "lastModifiedAt": post.created_ms,
        }
        content = kept.get("content") if published else _content_of(post)
        return shown | {"content": content} if content else shown

    async def _publish(self, call: RestCall, query: Query) -> Answer:  # noqa: ARG002
        body = call.json()
        body = body if isinstance(body, dict) else {}
        required = ("author", "commentary", "visibility", "distribution", "lifecycleState")
        if absent := [field for field in required if field not in body]:
            raise missing(*absent)
        if body["author"] != call.caller.native_id:
            raise denied("posts.CREATE")
        if body["lifecycleState"] != "PUBLISHED" or body["visibility"] not in ("PUBLIC", "LOGGED_IN"):
            raise invalid("/lifecycleState", "a page publishes PUBLISHED posts, PUBLIC or LOGGED_IN")
        shown, kept = little_text.read(str(body["commentary"]))
        if len(shown) > LONGEST_COMMENTARY:
            raise refuse(400, f"Commentary exceeds {LONGEST_COMMENTARY} characters", "FIELD_LENGTH_TOO_LONG")
        content = body.get("content")
        content_format, media_count = self._format_of(content, call.caller)
        if shown and call.has_guard and (twin := self.has_recent_twin(call.caller, shown, within_ms=GUARD_MS)):
            raise duplicate_of(twin.native_id)
        urn = None
        if content_format == "video":  # films become UGC posts, everything else shares
            sequence = self.host.state.next_number("linkedin ugc")
            made_up = post_id(NETWORK, call.caller.native_id, self.host.clock.now_ms, "ugc", sequence)
            urn = made_up.replace(":share:", ":ugcPost:")
        details = {
            name: body[name] for name in ("visibility", "isReshareDisabledByAuthor", "content") if body.get(name)
        }
        published, _ = self.host.publish(
            call.caller,
            shown,
            content_format=content_format,
            media_count=media_count,
            native_id=urn,
            details=details | {"commentary": kept},
        )
        self._newest_urn = published.post.native_id
        return Answer(None, 201, {"x-restli-id": published.post.native_id}, content=b"")

    def _format_of(self, content: Any, author: Account) -> tuple[str, int]:
        """Format and number of media of a new post. Raises a refusal for what LinkedIn does not take."""
        if content is None:
            return "text", 0
        if not isinstance(content, dict) or len(content) != 1:
            raise invalid("/content", "exactly one kind of content")
        ((kind, value),) = content.items()
        value = value if isinstance(value, dict) else {}
        match kind:
            case "media":
                return self._assets.require(
                    "/content/media/id", value.get("id"), ("image", "video"), author.native_id
                ), 1
            case "multiImage":
                images = value.get("images")
                if not isinstance(images, list) or not 2 <= len(images) <= MOST_IMAGES:
                    raise invalid("/content/multiImage/images", f"2 to {MOST_IMAGES} images")
                for image in images:
                    self._assets.require("/content/multiImage/images/id", image.get("id"), ("image",), author.native_id)
                return "carousel", len(images)
            case "article":
                if absent := [field for field in ("source", "title") if not value.get(field)]:
                    raise missing(*(f"content/article/{field}" for field in absent))
                if "thumbnail" in value:
                    self._assets.require("/content/article/thumbnail", value["thumbnail"], ("image",), author.native_id)
                return ("article", 1) if "thumbnail" in value else ("link", 0)
            case "poll":
                choices, question = value.get("options"), value.get("question")
                duration = value.get("settings", {}).get("duration")
                if not question or len(question) > 140 or duration not in POLL_DURATIONS:
                    raise invalid("/content/poll", "a question of at most 140 characters and a duration")
                if not isinstance(choices, list) or not 2 <= len(choices) <= 4:
                    raise invalid("/content/poll/options", "2 to 4 options")
                if any(not 0 < len(choice.get("text", "")) <= 30 for choice in choices):
                    raise invalid("/content/poll/options/text", "1 to 30 characters")
                return "poll", 0
        raise invalid("/content", f"{kind} is not known")

    async def _delete(self, call: RestCall, query: Query) -> Answer:  # noqa: ARG002
        """Deleting what is gone succeeds."""
        post = self.host.post(NETWORK, call.path("urn"))
        if post is not None:
            if post.account_id != call.caller.native_id:
                raise denied("posts.DELETE")
            self.host.delete(post)
        return Answer(None, 204, content=b"")

    # --- statistics ---

    async def _share_statistics(self, call: RestCall, query: Query) -> Answer:
        account = self._asked(call, query, "organizationalEntity")
        elements = self._statistics.of_shares(account, query, lambda post: self.counts(call, post))
        return self._statistics_page(call, elements)

    async def _follower_statistics(self, call: RestCall, query: Query) -> Answer:
        account = self._asked(call, query, "organizationalEntity")
        return self._statistics_page(call, self._statistics.of_followers(account, query))

    async def _page_statistics(self, call: RestCall, query: Query) -> Answer:
        account = self._asked(call, query, "organization")
        return self._statistics_page(call, self._statistics.of_page(account, query))

    @staticmethod
    def _asked(call: RestCall, query: Query, finder: str) -> Account:
        if query.get("q") != finder:
            raise invalid("/q", f"only the finder {finder}")
        if query.get(finder) != call.caller.native_id:
            raise denied(f"statistics of {query.get(finder)}")
        return call.caller

    @staticmethod
    def _statistics_page(call: RestCall, elements: list[dict[str, Any]]) -> Answer:
        """All elements at once. A retired metric (`params.metric`, LinkedIn's name) is simply no longer there."""
        if "retired_metric" in call.effects:
            retired = call.effects.param("retired_metric", "metric", "uniqueImpressionsCount")
            for element in elements:
                element.get("totalShareStatistics", {}).pop(retired, None)
                element.get("followerGains", {}).pop(retired, None)
        if "empty_page" in call.effects:
            elements = []
        if "duplicate_answer" in call.effects:
            elements = [element for element in elements for _ in range(2)]
        return Answer({"paging": {"start": 0, "count": 10, "links": []}, "elements": elements})

    # --- comments ---

    async def _comments(self, call: RestCall, query: Query) -> Answer:
        post, parent = self._commented(call.path("urn"))
        youngest = time.time() - call.lag_seconds
        rows = self.host.own_comments(post.native_id)
        own = [
            row
            for row in rows
            if row["parent_id"] == parent and (not call.lag_seconds or row["committed_at"] <= youngest)
        ]
        shown = [self._show_own_comment(post, row, rows) for row in own]
        if parent is None:
            shown += [self._show_comment(comment, rows) for comment in self.host.comments(post)]
        shown.sort(key=lambda comment: comment["created"]["time"])
        return self._page(call, query, shown, lambda comment: comment)

    def _commented(self, urn: str) -> tuple[Post, str | None]:
        """The post that a URN leads to, and the comment on it where the URN is a comment's."""
        target, _ = _parts_of_comment(urn)
        post = self.host.post(NETWORK, target or urn)
        if post is None:
            raise not_there(urn)
        known = [row["comment_id"] for row in self.host.own_comments(post.native_id)]
        if target and urn not in known and all(comment.native_id != urn for comment in self.host.comments(post)):
            raise not_there(urn)
        return post, urn if target else None

    async def _comment(self, call: RestCall, query: Query) -> Answer:  # noqa: ARG002
        post, parent = self._commented(call.path("urn"))
        body = call.json()
        body = body if isinstance(body, dict) else {}
        message = body.get("message")
        text = message.get("text") if isinstance(message, dict) else None
        if absent := [field for field in ("actor", "object") if field not in body] + ([] if text else ["message/text"]):
            raise missing(*absent)
        if body["actor"] != call.caller.native_id:
            raise denied("partnerApiSocialActions.comments.CREATE")
        if body["object"] != post.native_id or body.get("parentComment") != parent:
            raise invalid("/object", "neither the post nor the comment of the address")
        if len(text) > LONGEST_COMMENT:
            raise refuse(400, f"Comment exceeds {LONGEST_COMMENT} characters", "FIELD_LENGTH_TOO_LONG")
        urn = self.host.write_comment(call.caller, post.native_id, parent, text)
        rows = self.host.own_comments(post.native_id)
        shown = self._show_own_comment(post, next(row for row in rows if row["comment_id"] == urn), rows)
        return Answer(shown, 201, {"x-restli-id": shown["id"]})

    async def _delete_comment(self, call: RestCall, query: Query) -> Answer:
        if query.get("actor") != call.caller.native_id:
            raise denied("partnerApiSocialActions.comments.DELETE")
        urn = f"urn:li:comment:({call.path('urn')},{call.path('id')})"
        gone = self.host.state.delete("comments", comment_id=urn, account_id=call.caller.native_id)
        if not gone:
            raise not_there(urn)
        return Answer(None, 204, content=b"")

    def _show_own_comment(
        self, post: Post, row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        shown = _comment(row["comment_id"], post.native_id, row["account_id"], row["text"], row["created_ms"], 0)
        shown["commentsSummary"] = _answers_to(row["comment_id"], rows)
        return shown | ({"parentComment": row["parent_id"]} if row["parent_id"] else {})

    def _show_comment(self, comment: Comment, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        author = comment.author_id.replace(":organization:", ":person:")
        shown = _comment(comment.native_id, comment.post_id, author, comment.text, comment.created_ms, comment.likes)
        return shown | {"commentsSummary": _answers_to(comment.native_id, rows)}

    # --- assets ---

    def _asset_action(self, kind: str) -> RestHandler:
        async def act(call: RestCall, query: Query) -> Answer:
            return await self._assets.act(kind, str(query.get("action")), call)

        return act

    def _asset(self, kind: str) -> RestHandler:
        async def show(call: RestCall, query: Query) -> Answer:  # noqa: ARG001
            return await self._assets.show(kind, call)

        return show


def _parts_of_comment(urn: str) -> tuple[str, str]:
    """What a comment's URN says it is on, and its number there; empty for any other URN."""
    if not (urn.startswith("urn:li:comment:(") and urn.endswith(")")):
        return "", ""
    target, _, own_number = urn.removeprefix("urn:li:comment:(").removesuffix(")").rpartition(",")
    return target, own_number


def _comment(urn: str, on: str, actor: str, text: str, at_ms: int, likes: int) -> dict[str, Any]:
    stamp = {"actor": actor, "time": at_ms}
    return {
        "actor": actor,
        "commentUrn": urn,
        "created": stamp,
        "lastModified": stamp,
        "id": _parts_of_comment(urn)[1],
        "likesSummary": {
            "selectedLikes": [],
            "aggregatedTotalLikes": likes,
            "likedByCurrentUser": False,
            "totalLikes": likes,
        },
        "message": {"attributes": [], "text": text},
        "object": on,
    }


def _answers_to(urn: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    count = sum(row["parent_id"] == urn for row in rows)
    return {"selectedComments": [], "totalFirstLevelComments": count, "aggregatedTotalComments": count}


def _content_of(post: Post) -> dict[str, Any] | None:
    """The content of a post that the brand made by itself, with made-up assets."""

    def asset(kind: str, index: int = 0) -> str:
        return f"urn:li:{kind}:C4E{number(0, kind, post.native_id, index) % 10**12:012d}"

    match post.content_format:
        case "image":
            return {"media": {"id": asset("image"), "altText": ""}}
        case "video" | "short_video":
            return {"media": {"id": asset("video"), "title": ""}}
        case "carousel":
            images = [{"id": asset("image", index), "altText": ""} for index in range(max(2, post.media_count))]
            return {"multiImage": {"images": images}}
        case "link":
            known = {"source": post.link_url, "title": post.link_title}
            return {"article": {name: value for name, value in known.items() if value}}
    return None

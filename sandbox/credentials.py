"""Tokens that the sandbox hands out and checks. They expire by the machine's time: clients compare `exp` with their own clock.

Bluesky: access tokens of two hours, refresh tokens of ninety days that rotate (the last one stays good for two hours, so that
a lost answer is no lock-out). Instagram: opaque long-lived tokens of sixty days, exchanged for new ones while they live; an
expired one is gone, and the account has to be connected again (`GET /_sandbox/accounts` hands out a fresh token).
"""

import base64
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

import orjson

from sandbox.state import State
from sandbox.world.model import Account

ACCESS_SECONDS = 2 * 3600
REFRESH_SECONDS = 90 * 86400
ROTATION_GRACE_SECONDS = 2 * 3600
GRAPH_TOKEN_SECONDS = 60 * 86400
SERVICE_TOKEN_SECONDS = 60
LONGEST_SERVICE_TOKEN_SECONDS = 3600
SERVER_DID = "did:web:localhost"
_ACCESS, _REFRESH, _SERVICE = "com.atproto.access", "com.atproto.refresh", "service"


class BadTokenError(Exception):
    """The token is not one of ours, is of another kind, or is over; `reason` is `invalid`, `expired` or `revoked`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Lifetime:
    """How long a network's tokens live. Seconds; 0: for ever (access), or there are none (refresh)."""

    access_seconds: int
    refresh_seconds: int
    is_refresh_single_use: bool = False


DAY_SECONDS = 86_400
TIKTOK_BUSINESS = "tiktok-business"
"""The issuer of tokens for TikTok's second product: they open nothing of the first, and the other way round."""
NEVER = 4e10
LIFETIMES: Mapping[str, Lifetime] = {
    "facebook": Lifetime(0, 60 * DAY_SECONDS),
    "linkedin": Lifetime(60 * DAY_SECONDS, 365 * DAY_SECONDS),
    "mastodon": Lifetime(0, 0),
    "pinterest": Lifetime(30 * DAY_SECONDS, 60 * DAY_SECONDS),
    "tiktok": Lifetime(DAY_SECONDS, 365 * DAY_SECONDS, is_refresh_single_use=True),
    TIKTOK_BUSINESS: Lifetime(DAY_SECONDS, 365 * DAY_SECONDS, is_refresh_single_use=True),
    "x": Lifetime(7200, 180 * DAY_SECONDS, is_refresh_single_use=True),
    "youtube": Lifetime(3600, 180 * DAY_SECONDS),
}


@dataclass(frozen=True)
class Grant:
    """What an OAuth 2 exchange hands out. `expires_at`: Unix seconds; None: the access token never ends by itself."""

    access: str
    refresh: str | None
    expires_at: float | None


@dataclass(frozen=True)
class Session:
    """A Bluesky session's pair of tokens."""

    access: str
    refresh: str


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Credentials:
    """Issues, checks and expires tokens; what must outlive a restart is in the state."""

    def __init__(self, state: State, machine: Callable[[], float] = time.time) -> None:
        self._state = state
        self._machine = machine
        self._secret = str(state.get("secret")).encode()
        self._expired = {row["token_id"] for row in state.rows("tokens", is_expired=1)}

    def _digest(self, *names: str) -> str:
        return hmac.new(self._secret, "\x1f".join(names).encode(), sha256).hexdigest()

    # --- Bluesky ---

    def app_password(self, account: Account) -> str:
        """The password with which `createSession` opens this account."""
        digest = self._digest("password", account.native_id)
        return "-".join(digest[start : start + 4] for start in (0, 4, 8, 12))

    def _sign(self, claims: Mapping[str, Any]) -> str:
        head = _encode(orjson.dumps({"typ": "at+jwt", "alg": "HS256"}))
        signed = f"{head}.{_encode(orjson.dumps(claims))}"
        return f"{signed}.{_encode(hmac.new(self._secret, signed.encode(), sha256).digest())}"

    def open_session(self, did: str) -> Session:
        """A new pair of tokens for an identity."""
        now = int(self._machine())
        refresh_id = secrets.token_hex(16)
        common = {"sub": did, "aud": SERVER_DID, "iat": now}
        self._state.insert(
            "tokens",
            token_id=refresh_id,
            network="bluesky",
            account_id=did,
            kind="refresh",
            expires_at=now + REFRESH_SECONDS,
        )
        return Session(
            access=self._sign({"scope": _ACCESS, **common, "exp": now + ACCESS_SECONDS, "jti": secrets.token_hex(8)}),
            refresh=self._sign({"scope": _REFRESH, **common, "exp": now + REFRESH_SECONDS, "jti": refresh_id}),
        )

    def rotate(self, refresh_token: str) -> tuple[str, Session]:
        """Identity and new pair for a refresh token; the old one ends after a grace. Raises BadTokenError."""
        claims = self._claims(refresh_token, _REFRESH)
        stored = self._state.one("tokens", token_id=claims["jti"])
        if stored is None or stored["is_expired"] or stored["expires_at"] < self._machine():
            raise BadTokenError("revoked")
        did = str(claims["sub"])
        ends = min(stored["expires_at"], self._machine() + ROTATION_GRACE_SECONDS)
        with self._state.transaction():
            self._state.update("tokens", {"token_id": claims["jti"]}, expires_at=ends)
            session = self.open_session(did)
        return did, session

    def close_session(self, refresh_token: str) -> None:
        """Revoke a refresh token. Raises BadTokenError."""
        claims = self._claims(refresh_token, _REFRESH)
        self._state.update("tokens", {"token_id": claims["jti"]}, is_expired=1)

    def did_of(self, access_token: str) -> str:
        """Whose access token this is. Raises BadTokenError."""
        return str(self._claims(access_token, _ACCESS)["sub"])

    def _claims(self, token: str, scope: str) -> dict[str, Any]:
        signed, _, signature = token.rpartition(".")
        expected = _encode(hmac.new(self._secret, signed.encode(), sha256).digest())
        if not signed or not hmac.compare_digest(signature.encode(), expected.encode()):
            raise BadTokenError("invalid")
        claims: dict[str, Any] = orjson.loads(_decode(signed.split(".")[1]))
        if claims["scope"] != scope:
            raise BadTokenError("invalid")
        if claims["exp"] <= self._machine() or claims["jti"] in self._expired:
            raise BadTokenError("expired")
        return claims

    def service_token(self, did: str, audience: str, method: str | None, expires_at: int | None) -> str:
        """A token with which a service may do one thing (None: anything) in an account's name. Raises ValueError for an end in the past
        or too far ahead."""
        now = int(self._machine())
        ends = expires_at or now + SERVICE_TOKEN_SECONDS
        if not now < ends <= now + LONGEST_SERVICE_TOKEN_SECONDS:
            raise ValueError(ends)
        claims = {"scope": _SERVICE, "iss": did, "aud": audience, "exp": ends, "jti": secrets.token_hex(8)}
        return self._sign(claims | ({"lxm": method} if method else {}))

    def did_of_service_token(self, token: str, audience: str, method: str) -> str:
        """In whose name this token lets the method of a server be called. Raises BadTokenError."""
        claims = self._claims(token, _SERVICE)
        if claims["aud"] != audience or claims.get("lxm", method) != method:
            raise BadTokenError("invalid")
        return str(claims["iss"])

    def expire_access(self, access_token: str) -> None:
        """End an access token before its time, for good."""
        try:
            claims = self._claims(access_token, _ACCESS)
        except BadTokenError:
            return
        self._expire(claims["jti"], "bluesky", str(claims["sub"]), "access", float(claims["exp"]))

    def handed_session(self, account: Account) -> Session:
        """The session that the admin page shows: kept while both tokens live, opened anew otherwise."""
        key = f"session:{account.native_id}"
        stored = self._state.get(key)
        if stored is not None:
            session = Session(**orjson.loads(stored))
            try:
                self.did_of(session.access)
                claims = self._claims(session.refresh, _REFRESH)
                row = self._state.one("tokens", token_id=claims["jti"])
                if row and not row["is_expired"] and row["expires_at"] > self._machine() + ROTATION_GRACE_SECONDS:
                    return session
            except BadTokenError:
                pass
        session = self.open_session(account.native_id)
        self._state.set(key, orjson.dumps({"access": session.access, "refresh": session.refresh}).decode())
        return session

    # --- Instagram ---

    @property
    def app_id(self) -> str:
        """The made-up application that all tokens belong to."""
        return "1029384756"

    @property
    def app_secret(self) -> str:
        """Its secret: signs `appsecret_proof`, and is asked for in a token exchange."""
        return self._digest("app_secret")[:32]

    def graph_token(self, account: Account) -> str:
        """The newest living token of an account; a new one where none lives."""
        rows = self._state.rows("tokens", network="instagram", account_id=account.native_id, is_expired=0)
        living = [row["token_id"] for row in rows if row["expires_at"] > self._machine()]
        return str(living[-1]) if living else self.issue_graph_token(account.native_id)

    def issue_graph_token(self, account_id: str) -> str:
        """A new long-lived token; older ones stay good."""
        token = f"IGSBX{self._digest('graph', account_id, secrets.token_hex(8))}"
        self._state.insert(
            "tokens",
            token_id=token,
            network="instagram",
            account_id=account_id,
            kind="long_lived",
            expires_at=self._machine() + GRAPH_TOKEN_SECONDS,
        )
        return token

    def account_of_graph_token(self, token: str) -> str:
        """Whose token this is. Raises BadTokenError."""
        row = self._state.one("tokens", token_id=token)
        if row is None or row["network"] != "instagram":
            raise BadTokenError("invalid")
        if row["is_expired"] or row["expires_at"] <= self._machine():
            raise BadTokenError("expired")
        return str(row["account_id"])

    def expire_graph_token(self, token: str) -> None:
        """End a token before its time, for good."""
        self._state.update("tokens", {"token_id": token}, is_expired=1)

    def is_proof(self, token: str, proof: str) -> bool:
        """Whether `appsecret_proof` belongs to the token."""
        return hmac.compare_digest(hmac.new(self.app_secret.encode(), token.encode(), sha256).hexdigest(), proof)

    # --- all other networks: opaque tokens of OAuth 2 ---

    @property
    def client_id(self) -> str:
        """The made-up application's id on these networks; its secret is `app_secret`."""
        return "pulso-sandbox"

    def grant(self, account: Account, *, issuer: str | None = None) -> Grant:
        """The newest living grant of an account; a new one where none lives. `issuer`: of which product; unset: the network's."""
        issuer = issuer or account.network
        stored = self._state.get(f"grant:{issuer}:{account.native_id}")
        if stored is not None:
            grant = Grant(**orjson.loads(stored))
            try:
                self.account_of(issuer, grant.access)
                return grant
            except BadTokenError:
                pass
        return self.issue(issuer, account.native_id)

    def issue(self, network: str, account_id: str) -> Grant:
        """A new pair of tokens; older access tokens stay good until they expire."""
        life = LIFETIMES[network]
        names = (network, account_id, secrets.token_hex(8))
        expires_at = self._machine() + life.access_seconds if life.access_seconds else None
        grant = Grant(
            access=f"{network}-access-{self._digest('access', *names)}",
            refresh=f"{network}-refresh-{self._digest('refresh', *names)}" if life.refresh_seconds else None,
            expires_at=expires_at,
        )
        common = {"network": network, "account_id": account_id}
        with self._state.transaction():
            self._state.insert("tokens", token_id=grant.access, kind="access", expires_at=expires_at or NEVER, **common)
            if grant.refresh:
                ends = self._machine() + life.refresh_seconds
                self._state.insert("tokens", token_id=grant.refresh, kind="refresh", expires_at=ends, **common)
            self._state.set(f"grant:{network}:{account_id}", orjson.dumps(asdict(grant)).decode())
        return grant

    def account_of(self, network: str, access_token: str) -> str:
        """The native id of the account whose access token this is. Raises BadTokenError."""
        return self._living(network, access_token, "access")

    def holder_of(self, network: str, refresh_token: str) -> str:
        """The native id of the account whose refresh token this is (Facebook: the user token behind a Page's). Raises BadTokenError."""
        return self._living(network, refresh_token, "refresh")

    def renew(self, network: str, refresh_token: str) -> tuple[str, Grant]:
        """Account and new grant for a refresh token. Where the network's tokens are single-use, the old one is gone, with no grace.

        Raises BadTokenError: `expired` for one that was used before.
        """
        account_id = self._living(network, refresh_token, "refresh")
        if LIFETIMES[network].is_refresh_single_use:
            self._state.update("tokens", {"token_id": refresh_token}, is_expired=1)
            return account_id, self.issue(network, account_id)
        grant = self.issue(network, account_id)
        return account_id, replace(grant, refresh=refresh_token)

    def expire(self, access_token: str) -> None:
        """End an access token before its time, for good."""
        self._state.update("tokens", {"token_id": access_token}, is_expired=1)

    def _living(self, network: str, token: str, kind: str) -> str:
        row = self._state.one("tokens", token_id=token)
        if row is None or row["network"] != network or row["kind"] != kind:
            raise BadTokenError("invalid")
        if row["is_expired"] or row["expires_at"] <= self._machine():
            raise BadTokenError("expired")
        return str(row["account_id"])

    def _expire(self, token_id: str, network: str, account_id: str, kind: str, expires_at: float) -> None:
        if token_id not in self._expired:
            self._state.insert(
                "tokens",
                token_id=token_id,
                network=network,
                account_id=account_id,
                kind=kind,
                expires_at=expires_at,
                is_expired=1,
            )
            self._expired.add(token_id)

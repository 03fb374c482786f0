"""Webhooks: what the networks signed passes, everything else does not, and no challenge can be made to sign an event."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.networks import Network
from platforms import webhooks

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
SECRET = SecretStr("app-secret")
BODY = json.dumps({"object": "page", "entry": [{"id": "1", "text": "Olá ☕"}]}).encode()

# RFC 4231, test case 2: someone else's HMAC-SHA256.
JEFE, WANT = SecretStr("Jefe"), b"what do ya want for nothing?"
JEFE_HEX = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def mac(message: bytes, secret: str = "app-secret") -> bytes:
    """HMAC-SHA256 out of its definition (RFC 2104), not out of the library that is under test."""
    key = secret.encode().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in key) + message).digest()
    return hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).digest()


def tiktok_header(body: bytes, at: datetime = NOW, secret: str = "app-secret") -> str:
    seconds = str(int(at.timestamp()))
    return f"t={seconds},s={mac(f'{seconds}.'.encode() + body, secret).hex()}"


CHECKS = {
    "meta": lambda body, header, secret=SECRET: webhooks.is_from_meta(body, header, app_secret=secret),
    "x": lambda body, header, secret=SECRET: webhooks.is_from_x(body, header, consumer_secret=secret),
    "linkedin": lambda body, header, secret=SECRET: webhooks.is_from_linkedin(body, header, client_secret=secret),
    "tiktok": lambda body, header, secret=SECRET: webhooks.is_from_tiktok(body, header, client_secret=secret, now=NOW),
}
HEADERS = {
    "meta": lambda body, secret="app-secret": f"sha256={mac(body, secret).hex()}",
    "x": lambda body, secret="app-secret": f"sha256={base64.b64encode(mac(body, secret)).decode()}",
    "linkedin": lambda body, secret="app-secret": mac(b"hmacsha256=" + body, secret).hex(),
    "tiktok": lambda body, secret="app-secret": tiktok_header(body, secret=secret),
}
networks = pytest.mark.parametrize("network", CHECKS)


def test_a_published_test_vector():
    assert mac(WANT, "Jefe").hex() == JEFE_HEX
    assert webhooks.is_from_meta(WANT, f"sha256={JEFE_HEX}", app_secret=JEFE)
    encoded = base64.b64encode(bytes.fromhex(JEFE_HEX)).decode()
    assert webhooks.is_from_x(WANT, f"sha256={encoded}", consumer_secret=JEFE)


@networks
def test_what_the_network_signed_passes(network):
    assert CHECKS[network](BODY, HEADERS[network](BODY))
    assert CHECKS[network](b"", HEADERS[network](b""))


@networks
def test_another_body_secret_or_no_signature_does_not(network):
    header = HEADERS[network](BODY)
    assert not CHECKS[network](BODY + b" ", header)
    assert not CHECKS[network](json.dumps(json.loads(BODY), ensure_ascii=False).encode(), header), "the raw bytes count"
    assert not CHECKS[network](BODY, HEADERS[network](BODY, "other"))
    for nothing in (None, "", "sha256=", "hmacsha256=", "t=,s=", "=", ","):
        assert not CHECKS[network](BODY, nothing)


@networks
def test_an_empty_secret_verifies_nothing(network):
    assert not CHECKS[network](BODY, HEADERS[network](BODY, ""), SecretStr(""))


@networks
@given(position=st.integers(min_value=0), character=st.characters())
def test_no_changed_character_passes(network, position, character):
    header = HEADERS[network](BODY)
    position %= len(header)
    changed = header[:position] + character + header[position + 1 :]
    assert CHECKS[network](BODY, changed) == (changed == header)


@networks
@given(header=st.text(max_size=80), body=st.binary(max_size=40))
def test_no_header_breaks_it(network, header, body):
    assert not CHECKS[network](body, header)


@networks
def test_the_signatures_of_one_network_are_not_anothers(network):
    for other, make in HEADERS.items():
        assert CHECKS[network](BODY, make(BODY)) == (network == other)


# --- LinkedIn's prefix ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before_body", [b"hmacsha256=", b""])
@pytest.mark.parametrize("before_digest", ["hmacsha256=", ""])
def test_linkedins_signature_with_or_without_its_prefix(before_body, before_digest):
    header = before_digest + mac(before_body + BODY).hex()
    assert webhooks.is_from_linkedin(BODY, header, client_secret=SECRET)
    assert not webhooks.is_from_linkedin(BODY + b" ", header, client_secret=SECRET)
    assert not webhooks.is_from_linkedin(BODY, f"sha256={header}", client_secret=SECRET)


# --- TikTok's window -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("away", "expected"),
    [
        (timedelta(0), True),
        (webhooks.TIKTOK_WINDOW, True),
        (-webhooks.TIKTOK_WINDOW, True),
        (webhooks.TIKTOK_WINDOW + timedelta(seconds=1), False),
        (-webhooks.TIKTOK_WINDOW - timedelta(seconds=1), False),
        (timedelta(days=-3), False),
    ],
)
def test_a_delivery_is_good_within_its_window_only(away, expected):
    header = tiktok_header(BODY, NOW + away)
    assert webhooks.is_from_tiktok(BODY, header, client_secret=SECRET, now=NOW) == expected


def test_the_time_is_part_of_what_is_signed():
    old = tiktok_header(BODY, NOW - timedelta(hours=1))
    renewed = f"t={int(NOW.timestamp())},{old.partition(',')[2]}"
    assert not webhooks.is_from_tiktok(BODY, renewed, client_secret=SECRET, now=NOW)


@pytest.mark.parametrize("form", ["{s},{t}", " {t} , {s} ", "{t},{s},v=2"])
def test_the_parts_of_the_header_in_any_order(form):
    time_part, _, signature = tiktok_header(BODY).partition(",")
    header = form.format(t=time_part, s=signature)
    assert webhooks.is_from_tiktok(BODY, header, client_secret=SECRET, now=NOW)


@pytest.mark.parametrize(
    "form", ["{t},{t},{s}", "{t},{s},{s}", "{t}", "{s}", "t=-5,{s}", "t=1e9,{s}", "t=٣,{s}", "t= 5,{s}"]
)
def test_headers_of_another_form_are_refused(form):
    time_part, _, signature = tiktok_header(BODY).partition(",")
    header = form.format(t=time_part, s=signature)
    assert not webhooks.is_from_tiktok(BODY, header, client_secret=SECRET, now=NOW)


# --- challenges ----------------------------------------------------------------------------------------------------------


def test_meta_is_echoed_if_it_knows_the_token():
    query = {"hub.mode": "subscribe", "hub.verify_token": "ours", "hub.challenge": "1158201444"}
    token = SecretStr("ours")
    assert webhooks.meta_challenge_answer(query, verify_token=token) == "1158201444"
    for change in (
        {"hub.verify_token": "theirs"},
        {"hub.verify_token": ""},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": "<script>"},
        {"hub.challenge": ""},
    ):
        assert webhooks.meta_challenge_answer(query | change, verify_token=token) is None
    assert webhooks.meta_challenge_answer({}, verify_token=token) is None
    assert webhooks.meta_challenge_answer(query | {"hub.verify_token": ""}, verify_token=SecretStr("")) is None


def test_x_is_answered_with_the_signed_token():
    answer = webhooks.x_challenge_answer({"crc_token": "NmQ3-token_1="}, consumer_secret=SECRET)
    assert answer == {"response_token": f"sha256={base64.b64encode(mac(b'NmQ3-token_1=')).decode()}"}


def test_linkedin_is_answered_with_the_signed_code():
    code = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
    answer = webhooks.linkedin_challenge_answer({"challengeCode": code, "applicationId": "5"}, client_secret=SECRET)
    assert answer == {"challengeCode": code, "challengeResponse": mac(code.encode()).hex()}


@given(st.dictionaries(st.text(max_size=3), st.integers()).map(json.dumps))
def test_no_challenge_signs_an_event(event):
    for text in (event, f"hmacsha256={event}", f"{event}\n", f"a{event}"):
        assert webhooks.x_challenge_answer({"crc_token": text}, consumer_secret=SECRET) is None
        assert webhooks.linkedin_challenge_answer({"challengeCode": text}, client_secret=SECRET) is None


def test_a_challenge_without_a_secret_or_a_text_is_refused():
    code, empty = "890e4665-4dfe-4ab1-b689-ed553bceeed0", SecretStr("")
    assert webhooks.x_challenge_answer({"crc_token": "token"}, consumer_secret=empty) is None
    assert webhooks.linkedin_challenge_answer({"challengeCode": code}, client_secret=empty) is None
    for query in ({}, {"crc_token": ""}, {"challengeCode": ""}):
        assert webhooks.x_challenge_answer(query, consumer_secret=SECRET) is None
        assert webhooks.linkedin_challenge_answer(query, client_secret=SECRET) is None


# --- repeated deliveries -------------------------------------------------------------------------------------------------


def test_a_repeated_delivery_is_known_by_its_bytes():
    key = webhooks.delivery_key(Network.TIKTOK, BODY)
    assert key == webhooks.delivery_key(Network.TIKTOK, bytes(BODY))
    assert key != webhooks.delivery_key(Network.TIKTOK, BODY + b" ")
    assert key != webhooks.delivery_key(Network.X, BODY)

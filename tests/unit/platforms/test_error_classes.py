"""Every error code of the contract, in its class. Messages never matter."""

import pytest

from contracts.errors import ErrorClass
from platforms.bluesky.client import BlueskyDialect
from platforms.instagram.errors import classify

A, S, R, V, T, D = (
    ErrorClass.AUTH,
    ErrorClass.SCOPE,
    ErrorClass.RATE,
    ErrorClass.INVALID,
    ErrorClass.TRANSIENT,
    ErrorClass.DUPLICATE,
)

INSTAGRAM = [
    # HTTP status, code, subcode, is_transient, class
    (400, 190, None, None, A),
    (400, 190, 463, None, A),
    (400, 190, 460, None, A),
    (400, 190, 458, None, A),
    (400, 190, 467, None, A),
    (400, 102, None, None, A),
    (401, None, None, None, A),
    (403, 10, None, None, S),
    (400, 200, None, None, S),
    (400, 299, None, None, S),
    (400, 3, None, None, S),
    (403, None, None, None, S),
    (400, 4, None, None, R),
    (400, 17, None, None, R),
    (400, 32, None, None, R),
    (400, 613, None, None, R),
    (400, 80001, None, None, R),
    (400, 80002, None, None, R),
    (429, None, None, None, R),
    (400, 9, 2207042, None, R),
    (400, 9, None, None, R),
    (400, 4, 2207051, None, S),
    (400, 368, None, None, S),
    (400, 25, 2207050, None, S),
    (400, 100, None, None, V),
    (400, 100, 33, None, V),
    (400, 100, 2108006, None, V),
    (400, 36000, 2207004, False, V),
    (400, 36003, 2207009, None, V),
    (400, 352, 2207026, None, V),
    (400, 100, 2207010, None, V),
    (500, 1, None, None, T),
    (500, 2, None, None, T),
    (400, -1, 2207001, None, T),
    (400, -1, 2207032, None, T),
    (400, -1, 2207053, None, T),
    (400, -2, 2207003, None, T),
    (400, 2207020, 2207020, None, T),
    (400, 9007, 2207008, None, T),
    (400, 9007, 2207027, None, T),
    (400, 104, None, None, A),
    (400, 123456, None, True, T),
    (503, None, None, None, T),
    (400, 123456, None, None, V),
    (404, None, None, None, V),
    (400, "190", "463", None, A),
    (400, "not a number", None, None, V),
    (400, 506, None, None, D),
]


@pytest.mark.parametrize(("status", "code", "subcode", "is_transient", "expected"), INSTAGRAM)
def test_instagram(status, code, subcode, is_transient, expected):
    error = {"message": "Ungültig", "code": code, "error_subcode": subcode, "is_transient": is_transient}
    assert classify(status, {"error": error}).error_class is expected


BLUESKY = [
    (400, "ExpiredToken", A),
    (400, "InvalidToken", A),
    (401, "AuthenticationRequired", A),
    (401, "AuthMissing", A),
    (401, "AccountTakedown", A),
    (400, "AccountDeactivated", A),
    (401, None, A),
    (403, "Forbidden", S),
    (403, None, S),
    (429, "RateLimitExceeded", R),
    (429, None, R),
    (400, "InvalidRequest", V),
    (400, "RecordNotFound", V),
    (400, "NotFound", V),
    (400, "BlobNotFound", V),
    (404, "XRPCNotSupported", V),
    (413, "PayloadTooLarge", V),
    (500, "InternalServerError", T),
    (502, "UpstreamFailure", T),
    (504, "UpstreamTimeout", T),
    (501, None, T),
]


@pytest.mark.parametrize(("status", "name", "expected"), BLUESKY)
def test_bluesky(status, name, expected):
    refusal = BlueskyDialect().refusal(status, {"error": name, "message": "whatever"})
    assert (refusal.error_class, refusal.code) == (expected, name)


@pytest.mark.parametrize(
    "body", [None, [], "text", {}, {"error": []}, {"error": {"code": {}}}, {"error": {"code": True}}]
)
@pytest.mark.parametrize("status", [400, 500])
def test_error_bodies_of_any_shape_are_classified_by_status(status, body):
    expected = V if status == 400 else T
    assert classify(status, body).error_class is expected
    assert BlueskyDialect().refusal(status, body).error_class is expected


@pytest.mark.parametrize(
    ("network", "name", "expected", "code"),
    [
        ("bluesky", "badpw_401", A, "AuthenticationRequired"),
        ("bluesky", "too_long_400", V, "InvalidRequest"),
        ("bluesky", "bad_token_400", A, "InvalidToken"),
        ("bluesky", "no_auth_401", A, "AuthMissing"),
        ("instagram", "err_code10_permission", S, "10"),
        ("instagram", "err_image_too_large", V, "36000/2207004"),
    ],
)
def test_recorded_refusals(recorded, network, name, expected, code):
    answer = recorded(network, name)
    refuse = classify if network == "instagram" else BlueskyDialect().refusal
    refusal = refuse(answer.status_code, answer.json())
    assert (refusal.error_class, refusal.code) == (expected, code)

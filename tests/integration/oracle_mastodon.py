"""Drives a Mastodon server with the public `Mastodon.py` client, in an interpreter of its own, and prints what it saw as JSON.

Usage: oracle_mastodon.py BASE_URL TOKEN. Imports nothing of ours: this is somebody else's view of the wire.
"""

import datetime
import json
import struct
import sys
import zlib

from mastodon import Mastodon, MastodonAPIError, MastodonNotFoundError, MastodonUnauthorizedError


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main(base_url: str, token: str) -> dict[str, object]:
    seen: dict[str, object] = {}
    try:
        Mastodon(access_token="wrong", api_base_url=base_url).me()
    except MastodonUnauthorizedError as error:
        seen["bad_token"] = str(error.args[1])
    client = Mastodon(access_token=token, api_base_url=base_url, ratelimit_method="throw")
    me = client.me()
    seen["me"] = {"id": str(me.id), "followers": me.followers_count, "language": me.source.language}
    instance = client.instance()
    seen["instance"] = [instance.version, instance.configuration.statuses.max_characters]
    seen["mastodon_version"] = client.retrieve_mastodon_version()

    post = client.status_post("By the public client: https://example.test/page #coffee", idempotency_key="key-1")
    again = client.status_post("Something else", idempotency_key="key-1")
    seen["key"] = [str(post.id), str(again.id)]
    seen["post"] = [type(post.created_at).__name__, post.visibility, [tag.name for tag in post.tags]]

    picture = client.media_post(png(8, 8), mime_type="image/png", description="grey")
    film = client.media_post(b"\x00\x00\x00\x18ftypmp42", mime_type="video/mp4", synchronous=False)
    seen["media"] = [picture.url is not None, film.url is None]
    while client.media(film.id).url is None:
        pass
    pictured = client.status_post("With a picture", media_ids=[picture], visibility="unlisted", language="en")
    filmed = client.status_post("With a film", media_ids=[film.id])
    seen["attached"] = [pictured.media_attachments[0].description, filmed.media_attachments[0].type]
    try:
        client.status_post("Once more", media_ids=[picture.id])
    except MastodonAPIError as error:
        seen["attached_twice"] = error.args[1]
    asked = client.status_post("Which?", poll=client.make_poll(["Tea", "Coffee"], 3600, multiple=True))
    ends_in = asked.poll.expires_at - asked.created_at
    seen["poll"] = [[o.title for o in asked.poll.options], asked.poll.multiple, ends_in == datetime.timedelta(hours=1)]

    page = client.account_statuses(me.id, limit=5, exclude_reblogs=True)
    listed = client.fetch_remaining(page)
    seen["listed"] = [str(status.id) for status in listed]
    older = client.fetch_next(page)
    seen["paging"] = [len(page), len(older), [s.id for s in client.fetch_previous(older)] == [s.id for s in page]]

    commented = next(status for status in listed if status.replies_count)
    below = client.status_context(commented.id).descendants
    seen["comments"] = [
        commented.replies_count,
        len(below),
        {str(s.in_reply_to_id) for s in below} == {str(commented.id)},
    ]
    answer = client.status_reply(below[0], "Thank you!")
    beneath = client.status_context(commented.id).descendants
    seen["answer"] = [str(answer.in_reply_to_id) == str(below[0].id), answer.mentions[0].acct == below[0].account.acct]
    seen["answered"] = len(beneath) - len(below)
    seen["published"] = [str(s.id) for s in (post, pictured, filmed, asked, answer)]

    deleted = client.status_delete(post.id)
    seen["deleted"] = deleted.text
    seen["limit_of_deleting"] = client.ratelimit_limit
    seen["limit_is_over_later"] = client.ratelimit_reset > datetime.datetime.now(datetime.UTC).timestamp()
    try:
        client.status(post.id)
    except MastodonNotFoundError as error:
        seen["after_delete"] = error.args[1]
    return seen


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)

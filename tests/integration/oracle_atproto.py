"""Drives a Bluesky server with the public `atproto` client, in an interpreter of its own, and prints what it saw as JSON.

Usage: oracle_atproto.py BASE_URL HANDLE PASSWORD. Imports nothing of ours: this is somebody else's view of the wire.
"""

import io
import json
import struct
import sys
import zlib

from atproto import Client, client_utils, models
from atproto.exceptions import BadRequestError, UnauthorizedError


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body).getvalue()


def main(base_url: str, handle: str, password: str) -> dict[str, object]:
    seen: dict[str, object] = {}
    try:
        Client(base_url).login(handle, "wrong")
    except UnauthorizedError as error:
        seen["bad_password"] = error.response.content.error
    client = Client(base_url)
    profile = client.login(handle, password)
    seen["profile"] = {"handle": profile.handle, "did": profile.did, "followers": profile.followers_count}

    text = client_utils.TextBuilder().text("Posted by the public client, see ").link("our page", "https://example.test")
    post = client.send_post(text.text(" ").tag("#coffee", "coffee"))
    picture = client.send_image(text="With a picture", image=png(64, 48), image_alt="grey")
    seen["posts"] = [post.uri, picture.uri]

    feed, cursor, pages = [], None, 0
    while True:
        page = client.get_author_feed(profile.did, cursor=cursor, limit=50)
        feed += page.feed
        pages += 1
        cursor = page.cursor
        if not cursor:
            break
    seen["feed"] = [item.post.uri for item in feed]
    seen["feed_pages"] = pages
    mine = next(item.post for item in feed if item.post.uri == picture.uri)
    seen["picture"] = {"alt": mine.embed.images[0].alt, "likes": mine.like_count, "text": mine.record.text}
    linked = next(item.post for item in feed if item.post.uri == post.uri)
    seen["facets"] = [facet.features[0].py_type for facet in linked.record.facets]

    commented = next(item.post for item in feed if item.post.reply_count)
    thread = client.get_post_thread(commented.uri).thread
    comment = thread.replies[0].post
    root = models.create_strong_ref(commented)
    reply = client.send_post(
        "Thank you!", reply_to=models.AppBskyFeedPost.ReplyRef(root=root, parent=models.create_strong_ref(comment))
    )
    again = client.get_post_thread(commented.uri).thread
    answers = next(item for item in again.replies if item.post.uri == comment.uri).replies
    seen["replies"] = {
        "comments": commented.reply_count,
        "listed": len(thread.replies),
        "answers": [a.post.uri for a in answers],
    }
    seen["reply"] = reply.uri

    refresh_token = client.export_session_string().split(":::")[3]
    session = client.com.atproto.server.refresh_session(headers={"Authorization": f"Bearer {refresh_token}"})
    resumed = Client(base_url)
    resumed.login(session_string=client.export_session_string())
    seen["refreshed"] = [session.did, resumed.me.did]
    seen["notifications"] = len(client.app.bsky.notification.list_notifications().notifications)
    seen["resolved"] = client.resolve_handle(handle).did
    seen["deleted"] = [client.delete_post(uri) for uri in (post.uri, picture.uri)]
    try:
        client.com.atproto.repo.get_record(
            {"repo": profile.did, "collection": "app.bsky.feed.post", "rkey": post.uri.split("/")[-1]}
        )
    except BadRequestError as error:
        seen["after_delete"] = error.response.content.error
    seen["left"] = [item.post.uri for item in client.get_author_feed(profile.did, limit=5).feed]
    return seen


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4])))

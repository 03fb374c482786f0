"""Drives a Facebook server with the public `python-facebook-api` client, in an interpreter of its own; prints what it saw as JSON.

Usage: oracle_facebook.py BASE_URL PAGE_ID PAGE_TOKEN USER_TOKEN APP_ID APP_SECRET. Imports nothing of ours: this is somebody
else's view of the wire.
"""

import json
import struct
import sys
import zlib

from pyfacebook import FacebookApi, FacebookError


def png(width: int, height: int) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x80" * width for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def refusal(attempt: object, *arguments: object, **named: object) -> list[object]:
    """Code and subcode with which the network refuses."""
    try:
        attempt(*arguments, **named)
    except FacebookError as error:
        return [error.code, getattr(error, "error_subcode", None)]
    return []


def main(base_url: str, page: str, page_token: str, user_token: str, app_id: str, app_secret: str) -> dict[str, object]:
    seen: dict[str, object] = {}
    asked = {"app_id": app_id, "app_secret": app_secret, "base_url": f"{base_url}/", "version": "v25.0"}
    url = f"{base_url}/v25.0/oauth/access_token"
    user = FacebookApi(access_token=user_token, access_token_url=url, **asked)
    longer = user.exchange_long_lived_user_access_token()
    pages = user.exchange_long_lived_page_access_token("me", longer["access_token"])["data"]
    seen["pages"] = [item["id"] for item in pages]
    seen["bad_token"] = refusal(FacebookApi(access_token="nonsense", **asked).page.get_info, page)

    api = FacebookApi(access_token=pages[0]["access_token"], **asked)
    info = api.page.get_info(page)
    seen["info"] = {"id": info.id, "username": info.username, "fans": info.fan_count}
    seen["rate_limit"] = api.rate_limit.get_limit() is not None
    seen["given_token_works"] = FacebookApi(access_token=page_token, **asked).page.get_info("me").id

    first = api.post_object(page, "feed", data={"message": "Posted by the public client"})
    photo = api.post_object(page, "photos", data={"published": "false"}, files={"source": ("p.png", png(64, 48))})
    attached = json.dumps([{"media_fbid": photo["id"]}])
    second = api.post_object(page, "feed", data={"message": "With a picture", "attached_media": attached})
    seen["posts"] = [first["id"], second["id"]]
    seen["duplicate"] = refusal(api.post_object, page, "feed", data={"message": "Posted by the public client"})

    feed = api.page.get_published_posts(page, count=None, limit=20)
    seen["feed"] = [post.id for post in feed.data]
    seen["feed_counts"] = [
        [post.reactions.summary.total_count, post.like.summary.total_count + post.love.summary.total_count]
        for post in feed.data
    ]
    mine = next(post for post in feed.data if post.id == second["id"])
    seen["picture"] = {"text": mine.message, "target": mine.attachments.data[0].target.id, "photo": photo["id"]}
    seen["single"] = api.post.get_info(first["id"]).message

    commented = max(feed.data, key=lambda post: post.comments["summary"]["total_count"])
    comments = api.post.get_comments(commented.id, filter_type="stream", summary=True, count=None)
    seen["comments"] = {"said": commented.comments["summary"]["total_count"], "listed": len(comments.data)}
    answered = comments.data[0].id
    reply = api.comment.create(answered, message="Thank you!", fields="id,message")
    below = api.get_connection(answered, "comments")["data"]
    seen["reply"] = {"text": reply.message, "below": [comment["id"] for comment in below]}
    seen["reply_id"] = reply.id
    seen["hidden"] = api.comment.update(answered, is_hidden=True)
    views = api.get_connection(commented.id, "insights", metric="post_media_view")["data"]
    seen["insights"] = sorted(item["period"] for item in views)
    seen["bad_metric"] = refusal(api.get_connection, page, "insights", metric="page_impressions")
    seen["deleted"] = [api.delete_object(post) for post in seen["posts"]]
    seen["after_delete"] = refusal(api.post.get_info, first["id"])
    return seen


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:7])))

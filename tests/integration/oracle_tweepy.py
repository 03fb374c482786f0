"""Drives an X server with the public `tweepy` client, in an interpreter of its own, and prints what it saw as JSON.

Usage: oracle_tweepy.py BASE_URL TOKEN OTHER_TOKEN. Imports nothing of ours: this is somebody else's view of the wire. The client knows one
host only, so its connections are led to BASE_URL.
"""

import json
import sys
from urllib.parse import urlsplit

import requests
import tweepy


class Redirected(requests.adapters.HTTPAdapter):
    """Sends what is meant for the real host to another address."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:
        parts = urlsplit(request.url)
        request.url = f"{self.base_url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(request, **kwargs)


def client_of(base_url: str, token: str) -> tweepy.Client:
    client = tweepy.Client(bearer_token=token)
    client.session.mount("https://api.twitter.com", Redirected(base_url))
    client.session.trust_env = False
    return client


def refusal(call: object, *args: object, **kwargs: object) -> list[object]:
    """Class, status and messages of what the client makes of a refusal."""
    try:
        call(*args, **kwargs)
    except tweepy.HTTPException as error:
        return [type(error).__name__, error.response.status_code, error.api_messages or [str(error).split("\n")[-1]]]
    return []


def main(base_url: str, token: str, other_token: str) -> dict[str, object]:
    seen: dict[str, object] = {}
    client, other = client_of(base_url, token), client_of(base_url, other_token)
    # The expansion is what tells the server that this client speaks the older words.
    me = client.get_me(user_fields=["public_metrics"], expansions=["pinned_tweet_id"], user_auth=False).data
    seen["me"] = [str(me.id), me.username, me.public_metrics["followers_count"], me.public_metrics["tweet_count"]]
    seen["by_name"] = str(client.get_user(username=me.username).data.id)
    users = client.get_users(usernames=[me.username, "nobody"])
    seen["users"] = [[str(u.id) for u in users.data], [e["value"] for e in users.errors]]

    post = client.create_tweet(
        text="Posted by the public client & friends: https://example.test/a", user_auth=False
    ).data
    follow = client.create_tweet(text="And another thing", in_reply_to_tweet_id=post["id"], user_auth=False).data
    poll = client.create_tweet(text="Yes?", poll_options=["Yes", "No"], poll_duration_minutes=60, user_auth=False).data
    seen["posts"] = [post["id"], follow["id"], poll["id"]]
    seen["duplicate"] = refusal(client.create_tweet, text="Yes?", user_auth=False)
    seen["stranger"] = refusal(other.create_tweet, text="Hello", in_reply_to_tweet_id=post["id"], user_auth=False)
    seen["bad_token"] = refusal(client_of(base_url, "nonsense").get_me, user_auth=False)
    seen["bad_words"] = refusal(client.get_users_tweets, me.id, tweet_fields=["likes"])

    fields = ["created_at", "public_metrics", "conversation_id", "referenced_tweets", "author_id", "entities"]
    pages = list(tweepy.Paginator(client.get_users_tweets, me.id, max_results=50, tweet_fields=fields))
    feed = [tweet for page in pages for tweet in page.data or []]
    seen["feed"], seen["feed_pages"] = [str(tweet.id) for tweet in feed], len(pages)
    by_id = {str(tweet.id): tweet for tweet in feed}
    first, second = by_id[post["id"]], by_id[follow["id"]]
    seen["text"] = [first.text, first.entities["urls"][0]["expanded_url"]]
    seen["thread"] = [str(second.conversation_id), [[r.type, str(r.id)] for r in second.referenced_tweets]]
    seen["sorted"] = [t.created_at for t in feed] == sorted((t.created_at for t in feed), reverse=True)
    seen["likes"] = {str(t.id): t.public_metrics["like_count"] for t in feed}
    seen["no_replies"] = follow["id"] in [
        str(t.id) for t in client.get_users_tweets(me.id, exclude=["replies"], max_results=10).data
    ]

    found = client.search_recent_tweets(
        f"conversation_id:{post['id']}", tweet_fields=["author_id"], expansions=["author_id"]
    )
    seen["conversation"] = [sorted(str(t.id) for t in found.data), [u.username for u in found.includes["users"]]]
    mentions = client.get_users_mentions(me.id, expansions=["author_id"], max_results=5)
    seen["mentions"] = [len(mentions.data), len(mentions.includes["users"]) > 0, "next_token" in mentions.meta]
    seen["hidden"] = client.hide_reply(mentions.data[0].id, user_auth=False).data["hidden"]

    seen["deleted"] = [
        client.delete_tweet(i, user_auth=False).data["deleted"] for i in (poll["id"], follow["id"], post["id"])
    ]
    gone = client.get_tweets([post["id"], feed[-1].id])
    seen["gone"] = [[e["resource_id"] for e in gone.errors], [str(t.id) for t in gone.data]]
    return seen


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:4])))

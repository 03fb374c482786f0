"""Drives a YouTube server with Google's own Python client, in an interpreter of its own, and prints what it saw as JSON.

Usage: oracle_youtube.py BASE_URL FOLDER_OF_DISCOVERY_DOCUMENTS < ACCOUNT_AS_JSON. Imports nothing of ours: this is somebody else's
view of the wire. The documents are Google's; only their root is replaced by BASE_URL.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any

from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import Resource, build_from_document
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseUpload

GRANULE = 256 * 1024


def service(folder: Path, name: str, base_url: str, credentials: Credentials) -> Resource:
    document = json.loads((folder / f"{name}.json").read_text())
    document |= {"rootUrl": f"{base_url}/", "baseUrl": f"{base_url}/"}
    document.pop("mtlsRootUrl", None)
    return build_from_document(document, credentials=credentials)


def reason_of(call: Any) -> tuple[int, str]:
    try:
        call.execute()
    except HttpError as error:
        return error.resp.status, error.error_details[0]["reason"]
    raise AssertionError("it was not refused")


def all_of(listing: Any, request: Any) -> list[dict[str, Any]]:
    found = []
    while request is not None:
        page = request.execute()
        found += page["items"]
        request = listing.list_next(request, page)
    return found


def main(base_url: str, folder: Path, account: dict[str, str]) -> dict[str, Any]:
    def credentials(access: str, refresh: str) -> Credentials:
        return Credentials(
            access,
            refresh_token=refresh,
            token_uri=f"{base_url}/token",
            client_id=account["app_id"],
            client_secret=account["app_secret"],
        )

    seen: dict[str, Any] = {}
    known = credentials("expired long ago", account["refresh_token"])
    youtube = service(folder, "youtube.v3", base_url, known)
    (channel,) = youtube.channels().list(part="snippet,statistics,contentDetails", mine=True).execute()["items"]
    seen["channel"] = channel["id"]
    seen["is_token_renewed"] = known.token not in ("expired long ago", account["access_token"])
    revoked = service(folder, "youtube.v3", base_url, credentials("expired long ago", "revoked"))
    try:
        revoked.channels().list(part="id", mine=True).execute()
    except RefreshError as error:
        seen["revoked"] = error.args[1]["error"]

    film = io.BytesIO(bytes(2 * GRANULE + 99))
    body = {
        "snippet": {"title": "By the public client", "description": "Boats"},
        "status": {"privacyStatus": "unlisted"},
    }
    media = MediaIoBaseUpload(film, mimetype="video/mp4", chunksize=GRANULE, resumable=True)
    upload = youtube.videos().insert(part="snippet,status", body=body, media_body=media)
    progress, video = [], None
    while video is None:
        status, video = upload.next_chunk()
        progress.append(status.resumable_progress if status else None)
    seen["progress"], seen["video"] = progress, video["id"]

    playlist = channel["contentDetails"]["relatedPlaylists"]["uploads"]
    items = youtube.playlistItems()
    listed = all_of(items, items.list(part="contentDetails", playlistId=playlist, maxResults=20))
    seen["uploads"] = [item["contentDetails"]["videoId"] for item in listed]
    (read,) = youtube.videos().list(part="snippet,status,statistics", id=video["id"]).execute()["items"]
    seen["read"] = [read["snippet"]["title"], read["snippet"]["description"], read["status"]["privacyStatus"]]
    seen["views"] = read["statistics"]["viewCount"]

    threads = youtube.commentThreads()
    texts = {"topLevelComment": {"snippet": {"textOriginal": "First!"}}}
    top = threads.insert(part="snippet", body={"snippet": {"videoId": video["id"], **texts}}).execute()
    reply = {"snippet": {"parentId": top["id"], "textOriginal": "Second"}}
    answer = youtube.comments().insert(part="snippet", body=reply).execute()
    (thread,) = all_of(threads, threads.list(part="snippet,replies", videoId=video["id"]))
    seen["thread"] = [
        thread["snippet"]["topLevelComment"]["snippet"]["textOriginal"],
        [comment["snippet"]["textOriginal"] for comment in thread["replies"]["comments"]],
    ]
    youtube.comments().delete(id=answer["id"]).execute()
    seen["answers_left"] = youtube.comments().list(part="snippet", parentId=top["id"]).execute()["items"]

    reports = service(folder, "youtubeAnalytics.v2", base_url, known).reports()
    span = {"ids": "channel==MINE", "startDate": "2026-04-20", "endDate": "2026-05-20"}
    table = reports.query(dimensions="day", metrics="views,subscribersGained", **span).execute()
    seen["columns"] = [header["name"] for header in table["columnHeaders"]]
    seen["days"] = len(table["rows"])
    seen["bad_metric"] = reason_of(reports.query(dimensions="day", metrics="nonsense", **span))

    youtube.videos().delete(id=video["id"]).execute()
    seen["after_delete"] = reason_of(youtube.videos().delete(id=video["id"]))
    return seen


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), json.load(sys.stdin))))

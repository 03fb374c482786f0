"""LinkedIn's images and videos: an address to send to, the bytes, and the work behind it, until a post may name them.

An image is WAITING_UPLOAD until its bytes came, a video until all its parts came and were finalized with their ETags in order; then
PROCESSING for some polls, then AVAILABLE, or PROCESSING_FAILED for a file that is none. Upload addresses are secrets of their own and
want neither token nor LinkedIn's headers. Bytes are looked at and not kept.
"""

import secrets
from hashlib import md5
from typing import Any

import orjson

from sandbox.host import Host
from sandbox.networks.linkedin_refusals import denied, invalid, missing, not_there, refuse
from sandbox.networks.rest import RestCall
from sandbox.state import Row
from sandbox.wire import Answer
from sandbox.world.model import DAY_MS

PART_BYTES = 4_194_304
LARGEST_VIDEO_BYTES = 500 * 1024 * 1024
ADDRESS_LIFE_MS = DAY_MS
UPLOAD_PATH = "/dms-uploads/{kind}/{asset}/{secret}/{number}"
_POLLS_UNTIL_AVAILABLE = {"image": 1, "video": 3}
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8")
_LINKEDIN_HEADERS = ("authorization", "linkedin-version", "x-restli-protocol-version")


class Assets:
    """The state's table `uploads`, rows of kind `image` and `video`; `upload_id` is the URN."""

    def __init__(self, host: Host, network: str) -> None:
        self._host, self._network = host, network

    async def act(self, kind: str, action: str, call: RestCall) -> Answer:
        """`?action=initializeUpload` and `?action=finalizeUpload`."""
        body = call.json()
        body = body if isinstance(body, dict) else {}
        if action == "initializeUpload":
            return Answer({"value": self._initialize(kind, body.get("initializeUploadRequest"), call)})
        if action == "finalizeUpload" and kind == "video":
            self._finalize(body.get("finalizeUploadRequest"), call)
            return Answer(None, content=b"")
        raise refuse(400, f"No such action {action!r}", "ILLEGAL_ARGUMENT")

    async def receive(self, call: RestCall) -> Answer:
        """PUT of bytes to an address that `initializeUpload` named."""
        if any(name in call.request.headers for name in _LINKEDIN_HEADERS):
            raise refuse(400, "An upload address takes no API headers")
        urn, number = f"urn:li:{call.path('kind')}:{call.path('asset')}", call.path("number")
        row = self._host.state.one("uploads", upload_id=urn, network=self._network)
        spec = _spec(row) if row else {}
        if row is None or spec["secret"] != call.path("secret") or number not in map(str, range(len(spec["sizes"]))):
            raise refuse(404, "No such upload")
        content, part = call.body, int(number)
        if self._host.clock.now_ms > spec["expires_ms"]:
            raise refuse(403, "The upload address has expired")
        if row["kind"] == "video" and len(content) != spec["sizes"][part]:
            raise refuse(400, f"Part {part} has {len(content)} bytes instead of {spec['sizes'][part]}")
        etag = md5(content, usedforsecurity=False).hexdigest()
        spec["etags"][number] = etag
        if part == 0:
            spec["is_media"] = content.startswith(_PICTURES) if row["kind"] == "image" else content[4:8] == b"ftyp"
        status = "PROCESSING" if row["kind"] == "image" else row["status"]
        self._save(row["upload_id"], spec, status)
        return Answer(None, 201 if row["kind"] == "image" else 200, {"etag": f'"{etag}"'}, content=b"")

    async def show(self, kind: str, call: RestCall) -> Answer:
        """State of an asset. Each look takes the work a step further."""
        row = self._own(kind, call.path("urn"), call)
        status, polls = row["status"], row["polls"] + 1
        if status == "PROCESSING" and polls > _POLLS_UNTIL_AVAILABLE[kind]:
            status = "AVAILABLE" if _spec(row)["is_media"] else "PROCESSING_FAILED"
        if status != row["status"] or status == "PROCESSING":
            self._host.state.update("uploads", {"upload_id": row["upload_id"]}, status=status, polls=polls)
        shown = {"id": row["upload_id"], "owner": row["account_id"], "status": status}
        if status == "AVAILABLE":
            shown["downloadUrl"] = f"{self._host.base_url}/{self._network}/dms/{row['upload_id'].rpartition(':')[2]}"
        return Answer(shown)

    def require(self, field: str, urn: Any, kinds: tuple[str, ...], owner: str) -> str:
        """The kind of an asset that a post names. Raises a refusal unless it is the owner's and AVAILABLE."""
        row = self._host.state.one("uploads", upload_id=str(urn), network=self._network)
        if row is None or row["kind"] not in kinds or row["account_id"] != owner:
            raise invalid(field, f"{urn} is no {' or '.join(kinds)} of the author")
        if row["status"] != "AVAILABLE":
            raise invalid(field, f"{urn} is {row['status']}")
        return str(row["kind"])

    def _initialize(self, kind: str, wanted: Any, call: RestCall) -> dict[str, Any]:
        if not isinstance(wanted, dict) or "owner" not in wanted:
            raise missing("initializeUploadRequest/owner")
        if wanted["owner"] != call.caller.native_id:
            raise denied(f"{kind}s.ACTION.initializeUpload")
        sizes = [0]
        if kind == "video":
            size = wanted.get("fileSizeBytes")
            if not isinstance(size, int) or not 0 < size <= LARGEST_VIDEO_BYTES:
                raise invalid("/initializeUploadRequest/fileSizeBytes", f"{size!r} is out of range")
            sizes = [min(PART_BYTES, size - first) for first in range(0, size, PART_BYTES)]
        secret = secrets.token_urlsafe(24)
        asset = f"{'C4E10' if kind == 'image' else 'C4D05'}AQ{secrets.token_urlsafe(10)}"
        urn = f"urn:li:{kind}:{asset}"
        spec = {
            "secret": secret,
            "sizes": sizes,
            "etags": {},
            "token": secrets.token_hex(8),
            "expires_ms": self._host.clock.now_ms + ADDRESS_LIFE_MS,
            "is_media": False,
        }
        self._host.state.insert(
            "uploads",
            upload_id=urn,
            network=self._network,
            account_id=call.caller.native_id,
            kind=kind,
            spec=orjson.dumps(spec).decode(),
            status="WAITING_UPLOAD",
            created_ms=self._host.clock.now_ms,
        )
        paths = [UPLOAD_PATH.format(kind=kind, asset=asset, secret=secret, number=n) for n in range(len(sizes))]
        addresses = [f"{self._host.base_url}/{self._network}{path}" for path in paths]
        if kind == "image":
            return {"uploadUrlExpiresAt": spec["expires_ms"], "uploadUrl": addresses[0], "image": urn}
        firsts = [n * PART_BYTES for n in range(len(sizes))]
        return {
            "uploadUrlsExpireAt": spec["expires_ms"],
            "video": urn,
            "uploadInstructions": [
                {"uploadUrl": address, "firstByte": first, "lastByte": first + size - 1}
                for address, first, size in zip(addresses, firsts, sizes, strict=True)
            ],
            "uploadToken": spec["token"],
        }

    def _finalize(self, wanted: Any, call: RestCall) -> None:
        wanted = wanted if isinstance(wanted, dict) else {}
        row = self._own("video", str(wanted.get("video")), call)
        spec = _spec(row)
        if row["status"] != "WAITING_UPLOAD":
            raise refuse(400, "The upload was finalized before", "ILLEGAL_ARGUMENT")
        if wanted.get("uploadToken") != spec["token"]:
            raise invalid("/finalizeUploadRequest/uploadToken", "not the token of this upload")
        if wanted.get("uploadedPartIds") != [spec["etags"].get(str(n)) for n in range(len(spec["sizes"]))]:
            raise invalid("/finalizeUploadRequest/uploadedPartIds", "not the ETags of all parts in order")
        self._save(row["upload_id"], spec, "PROCESSING")

    def _own(self, kind: str, urn: str, call: RestCall) -> Row:
        row = self._host.state.one("uploads", upload_id=urn, network=self._network, kind=kind)
        if row is None:
            raise not_there(urn)
        if row["account_id"] != call.caller.native_id:
            raise denied(urn)
        return row

    def _save(self, urn: str, spec: dict[str, Any], status: str) -> None:
        self._host.state.update("uploads", {"upload_id": urn}, spec=orjson.dumps(spec).decode(), status=status)


def _spec(row: Row) -> dict[str, Any]:
    spec: dict[str, Any] = orjson.loads(row["spec"])
    return spec

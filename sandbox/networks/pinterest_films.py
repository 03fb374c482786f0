"""Films on their way to a pin: registered, uploaded to an address that is a secret itself, processed while it is polled.

Belongs here: the life of an upload. Does not belong here: pins.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.datastructures import UploadFile

from sandbox.host import Host
from sandbox.wire import Answer
from sandbox.world.model import Account

_POLLS_UNTIL_PROCESSED = 2
_NETWORK = "pinterest"
_XML = {"content-type": "application/xml"}


class PinterestFilms:
    """All accounts' films, kept in the state's table `uploads`: `registered`, `processing`, `succeeded` or `failed`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def register(self, account: Account) -> dict[str, Any]:
        """A new film's id, and where and how to upload it."""
        media_id = f"54{self._host.state.next_number('pinterest film'):016d}"
        parameters = {
            "key": f"uploads/{secrets.token_hex(3)}/3:video:{media_id}",
            "policy": secrets.token_urlsafe(48),
            "Content-Type": "multipart/form-data",
            "x-amz-algorithm": "AWS4-HMAC-SHA256",
            "x-amz-credential": "SANDBOX/us-east-1/s3/aws4_request",
            "x-amz-date": self._host.clock.now().strftime("%Y%m%dT%H%M%SZ"),
            "x-amz-security-token": secrets.token_urlsafe(64),
            "x-amz-signature": secrets.token_hex(32),
        }
        self._host.state.insert(
            "uploads",
            upload_id=media_id,
            network=_NETWORK,
            account_id=account.native_id,
            kind="film",
            spec=orjson.dumps(parameters).decode(),
            status="registered",
            created_ms=self._host.clock.now_ms,
        )
        return {
            "media_id": media_id,
            "media_type": "video",
            "upload_url": f"{self._host.base_url}/pinterest/media-upload",
            "upload_parameters": parameters,
        }

    async def upload(self, form: Mapping[str, str | UploadFile]) -> Answer:
        """Amazon's side: the fields as they were handed out, and the film after them."""
        media_id = str(form.get("key", "")).rpartition(":")[2]
        row = self._host.state.one("uploads", upload_id=media_id, network=_NETWORK)
        expected = orjson.loads(row["spec"]) if row else {}
        is_signed = bool(expected) and all(
            hmac.compare_digest(str(form.get(name, "")).encode(), value.encode()) for name, value in expected.items()
        )
        if row is None or not is_signed:
            return Answer(None, 403, _XML, content=b"<Error><Code>AccessDenied</Code></Error>")
        file = form.get("file")
        if not isinstance(file, UploadFile) or list(form)[-1] != "file":
            return Answer(None, 400, _XML, content=b"<Error><Code>InvalidArgument</Code></Error>")
        if row["status"] == "registered":
            is_film = (await file.read(8))[4:8] == b"ftyp"
            self._host.state.update("uploads", {"upload_id": media_id}, status="processing" if is_film else "failed")
        return Answer(None, 204, content=b"")

    def poll(self, account: Account, media_id: str) -> str | None:
        """The film's status; processing gets on with every question. None: this account has no such film."""
        row = self._row(account, media_id)
        if row is None:
            return None
        if row["status"] != "processing":
            return str(row["status"])
        is_done = row["polls"] >= _POLLS_UNTIL_PROCESSED
        status = "succeeded" if is_done else "processing"
        self._host.state.update("uploads", {"upload_id": media_id}, status=status, polls=row["polls"] + 1)
        return status

    def status(self, account: Account, media_id: str) -> str | None:
        """The film's status as it is."""
        row = self._row(account, media_id)
        return str(row["status"]) if row else None

    def _row(self, account: Account, media_id: str) -> Mapping[str, Any] | None:
        return self._host.state.one(
            "uploads", upload_id=media_id, network=_NETWORK, account_id=account.native_id, kind="film"
        )

"""Bluesky's video service: it takes a film, processes it while it is asked for, and stores the result on the account's server.

Belongs here: jobs. Does not belong here: posts that show a film, who may upload.
"""

from typing import Any

import orjson

from sandbox.host import Host
from sandbox.networks.cid import blob_cid

_NETWORK, _MIME_TYPE = "bluesky", "video/mp4"
_STATES = ("JOB_STATE_CREATED", "JOB_STATE_ENCODING", "JOB_STATE_SCANNING", "JOB_STATE_UPLOADING")
"""What a job goes through, a state a question, before it is completed."""


class BlueskyFilms:
    """All accounts' jobs, kept in the state's table `uploads`."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def take(self, did: str, content: bytes) -> dict[str, Any]:
        """A new job for a film, as it stands."""
        job_id = f"job{self._host.state.next_number('bluesky film'):08d}"
        self._host.state.insert(
            "uploads",
            upload_id=job_id,
            network=_NETWORK,
            account_id=did,
            kind="film",
            spec=orjson.dumps({}).decode(),
            status=_STATES[0],
            created_ms=self._host.clock.now_ms,
            content=content,
        )
        return {"jobId": job_id, "did": did, "state": _STATES[0], "progress": 0}

    def poll(self, job_id: str) -> dict[str, Any] | None:
        """The job's status; processing gets on with every question. None: there is no such job."""
        row = self._host.state.one("uploads", upload_id=job_id, network=_NETWORK, kind="film")
        if row is None:
            return None
        did, content, asked = str(row["account_id"]), bytes(row["content"]), int(row["polls"]) + 1
        self._host.state.update("uploads", {"upload_id": job_id}, polls=asked)
        status: dict[str, Any] = {"jobId": job_id, "did": did}
        if asked < len(_STATES):
            return status | {"state": _STATES[asked], "progress": 100 * asked // len(_STATES)}
        if content[4:8] != b"ftyp":
            message = "The uploaded file is not a video that can be processed."
            failure = {"error": "validation_failure", "failureCode": "validation_failure", "message": message}
            return status | {"state": "JOB_STATE_FAILED"} | failure
        return status | {"state": "JOB_STATE_COMPLETED", "progress": 100, "blob": self._stored(did, content)}

    def _stored(self, did: str, content: bytes) -> dict[str, Any]:
        cid = blob_cid(content)
        if self._host.state.one("blobs", cid=cid, did=did) is None:
            self._host.state.insert("blobs", cid=cid, did=did, mime_type=_MIME_TYPE, content=content)
        return {"$type": "blob", "ref": {"$link": cid}, "mimeType": _MIME_TYPE, "size": len(content)}

"""Films: the network's video service takes them, processes them, and leaves the result as a blob on the account's own PDS.

Belongs here: the upload, its job, and what follows when the job fails. Does not belong here: the post that shows the film
(`records.py`).

Nothing of it is visible. An upload whose answer was lost leaves a job that nobody asks for; the next one gets its own.
"""

from datetime import UTC, datetime, timedelta

from contracts.errors import ErrorClass, NetworkError
from contracts.networks import Network
from contracts.ports import MediaReader
from contracts.records import Account, Media, Staging
from platforms._http import Call, CallKind, Transport
from platforms._media import read_media
from platforms._shapes import as_json
from platforms.bluesky.models import Job, JobAnswer, ServerDescription, ServiceToken
from platforms.bluesky.xrpc import path_of, query

VIDEO_SERVICE = "https://video.bsky.app"  # [K]
OPERATIONS = "app.bsky.video."
"""How the names of this service's methods begin."""

UPLOADED, JOB, AGAIN = "blob_0", "job", "film_again"
"""Entries of the staging: the finished blob, the job on the way to it, and that the first job failed."""

TOKEN_LIFE = timedelta(minutes=30)  # [K] the longest that the service honours; the default of a minute is no upload's
WRITES_THE_BLOB = (
    "com.atproto.repo.uploadBlob"  # [K] what the token has to allow: the service stores the result in our name
)
ALREADY_THERE = 409  # [K] the service has processed these bytes before, and names the job of then

COMPLETED, FAILED = "JOB_STATE_COMPLETED", "JOB_STATE_FAILED"
LASTING = frozenset({"validation_failure", "encoding_failure", "pds_upload_unsupported_blob_size"})
"""Failures that the same bytes would meet again."""

JOB_POLLS = 6
FIRST_POLL_SECONDS = 0.5
LONGEST_POLL_SECONDS = 6.0


class Films:
    """Takes one film from its file to a blob. `service`: the address of the video service."""

    def __init__(self, transport: Transport, media: MediaReader, service: str) -> None:
        self._transport, self._media, self._service = transport, media, service

    async def step(self, account: Account, film: Media, staging: Staging) -> Staging:
        """One step towards the blob: the upload, or a wait for its job. The same staging when that takes too long for now."""
        job_id = staging.handles.get(JOB)
        job = await self._upload(account, film) if job_id is None else await self._wait(account, job_id)
        if job is None or job.state == FAILED:
            return _once_more(job, staging)
        if job.state == COMPLETED and job.blob is not None:
            return _with(staging, UPLOADED, as_json(job.blob))
        return _with(staging, JOB, job.job_id)

    async def _upload(self, account: Account, film: Media) -> Job:
        nsid = f"{OPERATIONS}uploadVideo"
        call = Call(
            CallKind.STAGE,
            nsid,
            "POST",
            path_of(nsid),
            url=f"{self._service}{path_of(nsid)}",
            params=(("did", account.native_id), ("name", f"{film.sha256[:32]}.mp4")),  # [K]
            content=read_media(self._media, film, Network.BLUESKY),
            headers={"content-type": film.mime_type, "authorization": f"Bearer {await self._token(account)}"},
            is_authorized=False,
            also_answers=frozenset({ALREADY_THERE}),
        )
        try:
            return (await self._transport.fetch(JobAnswer, account, call)).job
        except NetworkError as error:
            if error.error_class is not ErrorClass.AUTH:
                raise
            # The account's session has just been good for the service's token: it is films that this account may not upload.
            message = f"Bluesky's video service takes no films of this account: {error.message}"
            raise NetworkError(
                ErrorClass.INVALID, message, network=error.network, code=error.code, status=error.status
            ) from error

    async def _token(self, account: Account) -> str:
        """A token of our PDS, by which the service may store one blob there."""
        server = await self._transport.fetch(ServerDescription, account, query("com.atproto.server.describeServer"))
        expires_at = int((datetime.now(UTC) + TOKEN_LIFE).timestamp())
        call = query("com.atproto.server.getServiceAuth", aud=server.did, lxm=WRITES_THE_BLOB, exp=str(expires_at))
        return (await self._transport.fetch(ServiceToken, account, call)).token

    async def _wait(self, account: Account, job_id: str) -> Job | None:
        """The job once it has ended, or as it is when that takes too long for now. None: the service does not know it (any more)."""
        nsid, pause = f"{OPERATIONS}getJobStatus", FIRST_POLL_SECONDS
        call = Call(
            CallKind.READ,
            nsid,
            "GET",
            path_of(nsid),
            url=f"{self._service}{path_of(nsid)}",
            params=(("jobId", job_id),),
            is_authorized=False,  # [K] whoever knows a job's id may ask for it
        )
        for _ in range(JOB_POLLS):
            try:
                job = (await self._transport.fetch(JobAnswer, account, call)).job
            except NetworkError as error:
                if error.error_class is ErrorClass.INVALID:
                    return None
                raise
            if job.state in (COMPLETED, FAILED):
                break
            await self._transport.pause(pause)
            pause = min(pause * 2, LONGEST_POLL_SECONDS)
        return job


def _once_more(job: Job | None, staging: Staging) -> Staging:
    """The staging without its job, to be uploaded a second time. Raises `invalid` where that would not help, or did not."""
    code = job.failure_code if job else "job_not_found"
    if code in LASTING or AGAIN in staging.handles:
        said = (job.message or job.error) if job else ""
        message = f"Bluesky could not process the film of this post. {said}".rstrip()
        raise NetworkError(ErrorClass.INVALID, message, network=Network.BLUESKY.value, code=code or FAILED)
    return Staging(handles={k: v for k, v in staging.handles.items() if k != JOB} | {AGAIN: "1"})


def _with(staging: Staging, name: str, value: str) -> Staging:
    return Staging(handles={**{k: v for k, v in staging.handles.items() if k != JOB}, name: value})

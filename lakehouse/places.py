"""Where a lake lies: a folder of this machine, or a prefix in a bucket of an S3-compatible service.

Belongs here: addresses of tables, what the libraries need to reach them, and what a bucket can't do by itself (list tables, show
files to DuckDB). Does not belong here: what is in a table (files.py), how it is written (lake.py).

A bucket has to keep one promise that a folder keeps by itself: of two writers that create one object, the second is refused
(`If-None-Match: *`). Delta's commits rest on it. Amazon S3 and MinIO keep it; a service that does not would lose commits
silently, so `Bucket.check` tries it before anything is written.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from deltalake import DeltaTable
from pydantic import SecretStr

from contracts.errors import ProviderError, PulsoError
from contracts.settings import CONNECT_TIMEOUT_SECONDS, ObjectStorage, Settings

_UNUSABLE_IN_PATHS = frozenset("[]%\\^|=")
"""Characters with which Delta, Polars or DuckDB can't find a table again (tried one by one with deltalake 1.6.6)."""
_REQUEST_TIMEOUT_SECONDS = 60
"""Of one request, which moves a part of a file."""
_RETRIES = 3
_FETCHED_AT_ONCE = 8


class Place(Protocol):
    """Where the tables of a lake are, at `root/<stage>/<table>`."""

    @property
    def root(self) -> str:
        """The folder, or s3://bucket/folder."""
        ...

    @property
    def delta_options(self) -> dict[str, str] | None:
        """What deltalake needs to reach tables below `root`."""
        ...

    @property
    def polars_options(self) -> dict[str, Any] | None:
        """What Polars needs to reach files below `root`."""
        ...

    def tables(self) -> list[str]:
        """Keys of the folders two levels down that hold a Delta log, sorted."""
        ...

    def reaching(self) -> AbstractContextManager[None]:
        """Context of what asks the place. Raises ProviderError where it is away."""
        ...

    def on_disk(self, table: str, files: Sequence[str]) -> list[str]:
        """The same files of a table's newest version as paths that DuckDB can open."""
        ...

    def size(self, file: str) -> int | None:
        """Bytes; None where there is no such file."""
        ...


class Folder:
    """A folder, whether or not it exists. Raises PulsoError for a path that the libraries can't find again."""

    delta_options = None
    polars_options = None

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.root = str(self.path)
        if bad := sorted(_UNUSABLE_IN_PATHS & set(self.root)):
            raise PulsoError(f"The lake can't live in {self.root}: a path with {' '.join(bad)} in it. Move PULSO_HOME.")

    def tables(self) -> list[str]:
        logs = self.path.glob("*/*/_delta_log")
        found = (log.parent for log in logs if DeltaTable.is_deltatable(str(log.parent)))
        return sorted(f"{path.parent.name}/{path.name}" for path in found)

    @contextmanager
    def reaching(self) -> Iterator[None]:
        yield

    def on_disk(self, table: str, files: Sequence[str]) -> list[str]:
        del table
        return list(files)

    def size(self, file: str) -> int | None:
        path = Path(file)
        return path.stat().st_size if path.exists() else None


@dataclass(frozen=True)
class Bucket:
    """A prefix in a bucket that exists. Nothing is asked when it is made."""

    root: str
    """s3://bucket/folder."""
    storage: ObjectStorage
    copies: Path
    """Folder of this machine in which DuckDB finds files of the bucket."""

    @property
    def delta_options(self) -> dict[str, str]:
        # A commit is an object that must not exist yet. That is deltalake's default too, but everything rests on it.
        waits = {"max_retries": str(_RETRIES), "retry_timeout": f"{_REQUEST_TIMEOUT_SECONDS}s"}
        return {**self._options, **waits, "aws_conditional_put": "etag"}

    @property
    def polars_options(self) -> dict[str, Any]:
        return {**self._options, "max_retries": _RETRIES}

    def tables(self) -> list[str]:
        from pyarrow.fs import FileSelector, FileType

        def folders(path: str) -> list[str]:
            listed = self._files.get_file_info(FileSelector(path, allow_not_found=True))
            return sorted(info.path for info in listed if info.type == FileType.Directory)

        with self.reaching():
            self._files.get_file_info(
                FileSelector(self._bucket)
            )  # a prefix may be empty, but its bucket has to be there
            found = [table for stage in folders(self._path) for table in folders(stage)]
            found = [table for table in found if f"{table}/_delta_log" in folders(table)]
        return [path.removeprefix(f"{self._path}/") for path in found]

    @contextmanager
    def reaching(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._failure(error) from error

    def on_disk(self, table: str, files: Sequence[str]) -> list[str]:
        """A file of a Delta table never changes, so each is fetched once; those that left the table are removed here.

        Why copies: a build reads each table of bronze dozens of times, and DuckDB reads a bucket either through Python (fsspec),
        which took 300 times as long as a disk, or by an extension that has to be downloaded from the internet.
        """
        from pyarrow.fs import LocalFileSystem, copy_files

        folder = self.copies / table
        copies = {file: folder / file.removeprefix(f"{self.root}/{table}/") for file in files}
        for gone in {path for path in folder.rglob("*") if path.is_file()} - set(copies.values()):
            gone.unlink()

        def fetch(file: str) -> None:
            part = copies[file].with_name(f"{copies[file].name}.part")
            part.parent.mkdir(parents=True, exist_ok=True)
            copy_files(file.removeprefix("s3://"), str(part), self._files, LocalFileSystem())
            part.replace(copies[file])

        missing = [file for file, copy in copies.items() if not copy.exists()]
        with self.reaching(), ThreadPoolExecutor(_FETCHED_AT_ONCE) as pool:
            list(pool.map(fetch, missing))
        return [str(copy.absolute()) for copy in copies.values()]

    def size(self, file: str) -> int | None:
        with self.reaching():
            info = self._files.get_file_info(file.removeprefix("s3://"))
        return int(info.size) if info.is_file else None

    def check(self) -> None:
        """Raises ProviderError when the bucket can't be written to, PulsoError when two writers could overwrite each other in it."""
        try:
            import boto3
            from botocore.config import Config
            from botocore.exceptions import BotoCoreError, ClientError
        except ImportError as error:
            raise PulsoError("A lake in a bucket needs more packages: pip install 'pulso[production]'.") from error
        client = boto3.client(
            "s3",
            endpoint_url=self.storage.endpoint_url,
            region_name=self.storage.region,
            aws_access_key_id=_plain(self.storage.access_key_id),
            aws_secret_access_key=_plain(self.storage.secret_access_key),
            config=Config(
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                read_timeout=_REQUEST_TIMEOUT_SECONDS,
                retries={"mode": "standard", "total_max_attempts": _RETRIES},
            ),
        )
        folder = self._path.removeprefix(self._bucket)
        probe = {"Bucket": self._bucket, "Key": f"{folder}/_probe/{uuid4()}".lstrip("/")}
        try:
            client.put_object(**probe, Body=b"", IfNoneMatch="*")
            try:
                client.put_object(**probe, Body=b"", IfNoneMatch="*")
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (409, 412):
                    raise
            else:
                raise PulsoError(
                    f"The object storage of {self.root} lets a second writer create the same object (it ignores If-None-Match), so "
                    "commits of two writers would overwrite each other. Use one that heeds it: Amazon S3, MinIO, Ceph."
                )
            finally:
                client.delete_object(**probe)
        except (BotoCoreError, ClientError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> ProviderError:
        """What a library said of the service, in one line: the service's own words where it has some."""
        said = " ".join(re.sub(r"\x1b\[\d*m|↳", "", str(error)).split())
        own_words = re.search(r"<Code>(.*?)</Code> ?<Message>(.*?)</Message>", said)
        said = ": ".join(own_words.groups()) if own_words else said[:600]
        at = self.storage.endpoint_url or f"AWS, {self.storage.region}"
        return ProviderError(f"The lake's object storage can't be used (PULSO_LAKE_URL, {self.root} at {at}): {said}")

    @property
    def _options(self) -> dict[str, str]:
        """What deltalake and Polars call by the same names."""
        options = {
            "aws_region": self.storage.region,
            "aws_endpoint_url": self.storage.endpoint_url,
            "aws_access_key_id": _plain(self.storage.access_key_id),
            "aws_secret_access_key": _plain(self.storage.secret_access_key),
            "aws_allow_http": "true" if (self.storage.endpoint_url or "").startswith("http://") else None,
            "connect_timeout": f"{CONNECT_TIMEOUT_SECONDS}s",
            "timeout": f"{_REQUEST_TIMEOUT_SECONDS}s",
        }
        return {name: value for name, value in options.items() if value is not None}

    @property
    def _path(self) -> str:
        """The prefix as PyArrow names it."""
        return self.root.removeprefix("s3://")

    @property
    def _bucket(self) -> str:
        return self._path.partition("/")[0]

    @cached_property
    def _files(self) -> Any:
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem

        return S3FileSystem(
            access_key=_plain(self.storage.access_key_id),
            secret_key=_plain(self.storage.secret_access_key),
            region=self.storage.region,
            endpoint_override=self.storage.endpoint_url,
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            request_timeout=_REQUEST_TIMEOUT_SECONDS,
            retry_strategy=AwsStandardS3RetryStrategy(max_attempts=_RETRIES),
        )


def place_of(settings: Settings) -> Place:
    """Where the lake of these settings lies."""
    if settings.lake_url is None:
        return Folder(settings.lake_path)
    return Bucket(settings.lake_url.rstrip("/"), settings.object_storage, settings.lake_copies_path)


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()

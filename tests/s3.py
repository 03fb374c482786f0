"""A real S3 server for tests (moto's): on loopback, in memory, gone when done. It knows one pair of keys and refuses every other.

Belongs here: starting and stopping it, its buckets. Does not belong here: what is kept in them.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import boto3
import httpx
from pydantic import SecretStr

from benchmarks.ports import free_port
from contracts.settings import ObjectStorage

_EVERYTHING = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
_SETTING_UP = 3
"""Requests before the server begins to ask who asks: the user, what it may do, and its keys."""


@dataclass(frozen=True)
class S3:
    """A running server and the keys that it knows."""

    url: str
    key_id: str
    secret: str

    @property
    def storage(self) -> ObjectStorage:
        return ObjectStorage(
            endpoint_url=self.url, access_key_id=SecretStr(self.key_id), secret_access_key=SecretStr(self.secret)
        )

    def client(self, service: str = "s3") -> object:
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
        )

    def make_bucket(self, name: str) -> None:
        self.client().create_bucket(Bucket=name)


@contextmanager
def running_s3() -> Iterator[S3]:
    """A server of one's own on loopback, without buckets."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_SETTING_UP)}
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(url, server)
        yield S3(url, *_keys(url))
    finally:
        server.terminate()
        server.wait()


def _keys(url: str) -> tuple[str, str]:
    iam = S3(url, "nobody", "yet").client("iam")
    iam.create_user(UserName="pulso")
    iam.put_user_policy(UserName="pulso", PolicyName="everything", PolicyDocument=_EVERYTHING)
    made = iam.create_access_key(UserName="pulso")["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    while True:
        try:
            httpx.get(f"{url}/moto-api/data.json").raise_for_status()
        except httpx.TransportError:
            if server.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return

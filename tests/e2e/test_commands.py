"""The `pulso` command as an operator types it, in a home that works for a client of its own: from nothing to an imported past."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import CompletedProcess

import polars as pl
import pytest

from contracts.scope import TenantScope
from lakehouse import DeltaLake
from tests import forked

pytestmark = pytest.mark.slow

SCOPE = TenantScope.of("north-books")
CLIENTS = """
clients:
  - client_id: north-books
    name: North Books
    time_zone: Europe/Lisbon
    language: pt
    brand:
      voice: Calm.
      audience: Readers.
      pillars:
        - pillar_id: shelf
          name: New on the shelf
          description: What came in.
          keywords: [livro]
          facts:
            - {fact_id: opening, text: "Abrimos todos os dias às dez."}
"""
EXPORT = """network,account,message_id,published_at,text,likes,comments
instagram,northbooks,1,2024-05-01 10:00:00,Olá,5,1
instagram,northbooks,2,2024-05-02 10:00:00,Bom dia,7,0
instagram,northbooks,2,2024-05-02 10:00:00,Bom dia,7,0
instagram,northbooks,3,2031-05-02 10:00:00,Do futuro,7,0
instagram,northbooks,4,2024-05-04 10:00:00,Boa noite,7,-3
instagram,northbooks,5,,Sem data,7,0
"""

Pulso = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("commands") / "home"


@pytest.fixture(scope="module")
def pulso(home: Path) -> Pulso:
    """Run the command in that home; its output is stdout and stderr together."""
    return partial(forked.call, "apps.cli:main", env={"PULSO_HOME": str(home), "NO_COLOR": "1"})


def said(done: CompletedProcess[str], *words: str) -> None:
    """The command succeeded and printed all of these."""
    text = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stdout
    assert [word for word in words if word not in text] == [], text


def refused(done: CompletedProcess[str], *words: str) -> None:
    """The command failed with a message, not with a traceback."""
    text = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in text
    assert [word for word in words if word not in text] == [], text


def test_asking_makes_no_home(pulso: Pulso, home: Path):
    refused(pulso("posts"), "There is no Pulso home", "pulso run")
    said(pulso("lake", "tables"), "holds no tables yet")
    assert not home.exists()


def test_a_faulty_client_file_saves_nothing(pulso: Pulso, home: Path, folder: Path):
    file = folder / "faulty.yaml"
    file.write_text(CLIENTS.replace("Europe/Lisbon", "Europe/Lisbonne"))
    refused(pulso("client", "add", file), "north-books", "time_zone", "Nothing was saved")
    file.write_bytes(b"clients: [\xff\xfe")
    refused(pulso("client", "add", file), "can't be read as YAML")
    assert not home.exists()


def test_a_client_and_its_account(pulso: Pulso, home: Path, folder: Path):
    file = folder / "clients.yaml"
    file.write_text(CLIENTS, encoding="utf-8")
    said(pulso("client", "add", file), "Saved north-books")
    said(pulso("client", "add", file), "Saved north-books")
    said(pulso("client", "list"), "North Books", "Europe/Lisbon", "manual")
    account = ("accounts", "add", "north-books", "instagram", "northbooks", "northbooks")
    said(pulso(*account, "--base-url", "http://127.0.0.1:9"), "pulso accounts connect instagram:northbooks")
    refused(pulso("accounts", "add", "nobody", "instagram", "1", "x", "--base-url", "http://127.0.0.1:9"), "nobody")
    said(pulso("accounts", "list"), "instagram:northbooks", "no token")
    said(pulso("accounts", "connect", "instagram:northbooks", answers="secret-token\n\n"), "Connected")
    listed = pulso("accounts", "list")
    said(listed, "connected")
    assert "secret-token" not in listed.stdout
    assert b"secret-token" not in (home / "store.db").read_bytes()
    refused(pulso("accounts", "connect", "instagram:other", answers="x\n\n"), "There is no account instagram:other")


def test_a_second_credential_of_an_account(pulso: Pulso):
    account = ("accounts", "add", "north-books", "tiktok", "_000n", "northbooks", "--base-url", "http://127.0.0.1:9")
    said(pulso(*account), "pulso accounts connect tiktok:_000n")
    said(pulso("accounts", "connect", "tiktok:_000n", answers="token\n\n"), "Connected")
    said(pulso("accounts", "list"), "nothing for business")
    said(pulso("accounts", "connect", "tiktok:_000n", "--grant", "business", answers="other\n\n"), "Connected")
    assert "nothing for business" not in pulso("accounts", "list").stdout
    wrong = pulso("accounts", "connect", "instagram:northbooks", "--grant", "business")
    refused(wrong, "instagram have no credential for business")


def test_messages_of_a_home_that_has_none(pulso: Pulso):
    said(pulso("messages", "list"), "No messages yet")
    refused(pulso("messages", "answer", "instagram:m1", answers="Hello\n"), "There is no message instagram:m1")


def test_the_demo_is_kept_out_of_a_real_home(pulso: Pulso):
    refused(pulso("run"), "works with real networks", "PULSO_HOME")


def test_an_export_enters_bronze_once(pulso: Pulso, home: Path, folder: Path):
    file = folder / "export.csv"
    file.write_text(EXPORT, encoding="utf-8")
    said(pulso("import", file, "--client", "north-books"), "6 rows", "2 in bronze, 4 in quarantine")
    lake = DeltaLake(home / "lake")
    posts = lake.scan("bronze/posts", scope=SCOPE).select("post_id", "text").collect()
    assert sorted(posts["text"]) == ["Bom dia", "Olá"]
    assert posts["post_id"].is_unique().all()
    reasons = lake.scan("bronze/quarantined_imports", scope=TenantScope.all_clients("test")).collect()["reason"]
    assert reasons.len() + lake.scan("bronze/quarantined_posts", scope=SCOPE).collect().height == 4

    said(pulso("import", file, "--client", "north-books"), "6 rows")
    again = lake.scan("bronze/posts", scope=SCOPE).collect()
    assert again.height == posts.height
    assert lake.scan("bronze/imports", scope=SCOPE).select(pl.len()).collect().item() == 1


def test_an_import_that_cannot_be_read_writes_nothing(pulso: Pulso, home: Path, folder: Path):
    before = {key: DeltaLake(home / "lake").version(key) for key in DeltaLake(home / "lake").tables()}
    file = folder / "garbage.csv"
    file.write_bytes(os.urandom(4000))
    refused(pulso("import", file, "--client", "north-books"), "garbage.csv")
    refused(pulso("import", folder / "export.csv", "--client", "nobody"), "There is no client nobody")
    assert {key: DeltaLake(home / "lake").version(key) for key in before} == before


def test_looking_into_the_lake(pulso: Pulso):
    said(pulso("lake", "tables"), "bronze/posts", "bronze/imports")
    said(pulso("lake", "history", "bronze/posts"), "append", "create")
    said(pulso("lake", "diff", "bronze/posts", "0"), "2 added, 0 removed, 0 changed")
    said(pulso("lake", "compact"), "bronze/posts")
    said(pulso("lake", "vacuum", "--dry-run"), "would go")
    refused(pulso("lake", "vacuum", "--retention-days", "0"), "Keep at least", "Nothing was deleted")
    refused(pulso("lake", "history", "bronze/nothing"), "bronze/nothing is not in the lake")
    refused(pulso("lake", "diff", "bronze/posts", "0", "999"), "999")


def test_stop_and_resume(pulso: Pulso):
    assert pulso("stop").returncode == 2
    said(pulso("stop", "--all", "--reason", "storm"), "Stopped all clients")
    said(pulso("publish"), "Done")
    said(pulso("resume", "--all"), "Resumed all clients")
    refused(pulso("stop", "nobody"), "nobody")
    said(pulso("posts"), "Nothing yet")
    refused(pulso("trace", "post", "instagram:1"), "instagram:1")

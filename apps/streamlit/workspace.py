"""What every page is given: settings, the client in view, that client's data and desk, the language, the hour, the reader's name.

Belongs here: opening the store, once per process. Does not belong here: anything drawn on a page.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import streamlit as st

from apps.streamlit.business_time import NetworkClock, Now
from apps.streamlit.data import ClientData
from apps.streamlit.desk import Desk
from apps.streamlit.language import Language
from contracts.records import Client
from contracts.settings import Settings
from operations import SqlStore

_KEY = "workspace"


@dataclass(frozen=True)
class Workspace:
    """One reader, one client, one run of a page."""

    settings: Settings
    client: Client
    data: ClientData
    desk: Desk
    text: Language
    now: Now
    actor: str

    @property
    def zone(self) -> str:
        return self.client.time_zone

    @property
    def today(self) -> date:
        """The client's own date."""
        return self.now.at.astimezone(ZoneInfo(self.zone)).date()

    def moment(self, at: datetime | None) -> str:
        """A moment in the client's zone and the reader's language."""
        return self.text.moment(at, self.zone)


@st.cache_resource(show_spinner=False)
def open_clock(base_url: str | None) -> NetworkClock:
    return NetworkClock(base_url)


def open_store(settings: Settings) -> SqlStore | None:
    """The operational store; None where there is none yet: looking at an empty folder must not fill it.

    Raises NotReadyError for a store of another version's schema.
    """
    if settings.store_url is None and not (settings.home / "store.db").exists():
        return None
    return _open_store(settings.resolved_store_url, settings.master_key_path, settings.network_base_url)


@st.cache_resource(show_spinner=False)
def _open_store(url: str, master_key_path: Path, base_url: str | None) -> SqlStore:
    return SqlStore(url, master_key_path=master_key_path, clock=open_clock(base_url))


def keep(workspace: Workspace) -> None:
    """Hand the workspace of this run to the page that runs next."""
    st.session_state[_KEY] = workspace


def current() -> Workspace:
    """The workspace that `app.py` kept for this run."""
    workspace = st.session_state[_KEY]
    assert isinstance(workspace, Workspace)
    return workspace

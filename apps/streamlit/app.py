"""Entry point of the app (`streamlit run apps/streamlit/app.py`): builds the settings, opens lake and store, shows the chosen page.

Belongs here: composition (with the media tools, which no other module of the app may import), the side bar, the page list. Does not belong here: what a page shows (`views/`).
"""

import getpass
from pathlib import Path

import streamlit as st

from apps.media_tools import local_mender
from apps.streamlit.data import ClientData
from apps.streamlit.desk import Desk
from apps.streamlit.language import LANGUAGES, Language, load_language
from apps.streamlit.workspace import Workspace, keep, open_clock, open_store
from contracts.errors import NotReadyError
from contracts.records import Client
from contracts.scope import TenantScope
from contracts.settings import Settings
from lakehouse import open_lake

FOLDER = Path(__file__).parent
PAGES = {
    "overview": ":material/monitoring:",
    "goals": ":material/flag:",
    "content_performance": ":material/insights:",
    "content_mix": ":material/donut_small:",
    "post_growth": ":material/show_chart:",
    "audience": ":material/forum:",
    "alerts_and_trends": ":material/notifications_active:",
    "calendar": ":material/calendar_month:",
    "forecast_scoreboard": ":material/target:",
    "models": ":material/model_training:",
    "data_health": ":material/ecg_heart:",
}


def main() -> None:
    st.set_page_config(page_title="Pulso", page_icon=str(FOLDER / "mark.svg"), layout="wide")
    st.html(FOLDER / "style.css")
    st.logo(str(FOLDER / "logo.svg"), size="large")
    settings = Settings()
    text = load_language(st.session_state.setdefault("language", "en"))
    pages = [
        st.Page(
            FOLDER / "views" / f"{name}.py",
            title=text(f"page.{name}"),
            icon=icon,
            default=name == "overview",
            url_path=name.replace("_", "-"),
        )
        for name, icon in PAGES.items()
    ]
    page = st.navigation(pages)
    try:
        store = open_store(settings)
    except NotReadyError as refusal:
        st.error(text("app.refused", reason=str(refusal)))
        return
    # The list of names is all that is read across clients: a reader has to choose from it. Signing in narrows it.
    clients = store.clients(TenantScope.all_clients("the list of clients to choose from")) if store else ()
    clock = open_clock(settings.network_base_url)
    with st.sidebar:
        client = _choose_client(clients, text)
        _choose_reader(text)
    if store is None or client is None:
        _nothing_yet(text)
        return
    data = ClientData(open_lake(settings), client.client_id)
    now = clock.read(last_known=data.newest_observation)
    keep(
        Workspace(
            settings,
            client,
            data,
            Desk(store, client, settings.home, local_mender(settings.home)),
            text,
            now,
            st.session_state["actor"].strip(),
        )
    )
    page.run()


def _choose_client(clients: tuple[Client, ...], text: Language) -> Client | None:
    """One client at a time. The choice stands in the address, so that a page can be linked to."""
    if not clients:
        return None
    by_id = {client.client_id: client for client in clients}
    # By hand rather than by the widget's own binding: that would put the shown name into the address, and names are not unique.
    linked = st.query_params.get("client")
    if "client" not in st.session_state and linked in by_id:
        st.session_state["client"] = linked
    chosen = st.selectbox(
        text("app.client"), list(by_id), format_func=lambda client_id: by_id[client_id].name, key="client"
    )
    if linked != chosen:
        st.query_params["client"] = chosen
    client = by_id[chosen]
    st.caption(
        text("app.autonomy", autonomy=text(f"autonomy.{client.autonomy.value}")),
        help=text(f"autonomy.{client.autonomy.value}_help"),
    )
    return client


def _choose_reader(text: Language) -> None:
    """Who is reading, and in which language. The name goes on record with everything that this person does."""
    st.session_state.setdefault("actor", getpass.getuser())
    st.text_input(text("app.name"), key="actor", help=text("app.name_help"))
    st.segmented_control(
        text("app.language"), list(LANGUAGES), format_func=lambda code: LANGUAGES[code], key="language", required=True
    )


def _nothing_yet(text: Language) -> None:
    st.title(text("app.welcome"), anchor=False)
    with st.container(border=True, key="empty-app"):
        st.markdown(text("app.no_clients"))
        st.code("make run", language="bash")
        st.markdown(text("app.no_clients_import"))


main()

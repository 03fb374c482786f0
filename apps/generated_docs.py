"""Docs that are generated, never written by hand: one list of files and what renders each."""

from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def _metrics() -> str:
    import json

    from contracts.settings import Settings
    from orchestration.dbt_cli import current_manifest
    from orchestration.metric_docs import render_metrics

    return render_metrics(json.loads(current_manifest(Settings()).read_text(encoding="utf-8")))


def _assets() -> str:
    from orchestration.asset_docs import render_assets
    from orchestration.definitions import defs

    return render_assets(defs)


def _drafts() -> str:
    from apps.demo.drafts import render

    return render()


def _networks() -> str:
    from apps.network_limits_page import render

    return render()


GENERATED: dict[str, Callable[[], str]] = {
    "metrics.md": _metrics,
    "assets.md": _assets,
    "drafts.md": _drafts,
    "networks.md": _networks,
}


def write_docs(*, check: bool = False) -> list[str]:
    """Bring every generated page up to date; with `check`, only say which are not. Returns their names."""
    changed = []
    for name, render in GENERATED.items():
        page, text = DOCS / name, render()
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            changed.append(name)
            if not check:
                page.write_text(text, encoding="utf-8")
    return changed

"""Starts the explorer's own process: Streamlit on the loopback, with what it must know in the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MAIN = Path(__file__).parent / "main.py"
OPTIONS = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.disableDataExport": "true",  # tables have an export of their own, in which a formula is text
    "theme.baseRadius": "6px",
    "theme.light.primaryColor": "#0F6E84",
    "theme.light.backgroundColor": "#FFFFFF",
    "theme.light.secondaryBackgroundColor": "#F2F5F7",
    "theme.light.textColor": "#1C2733",
    "theme.light.linkColor": "#0B5A6D",
    "theme.dark.primaryColor": "#45A7C1",
    "theme.dark.backgroundColor": "#12181F",
    "theme.dark.secondaryBackgroundColor": "#1B242E",
    "theme.dark.textColor": "#E6EBF0",
    "theme.dark.linkColor": "#7CC7DB",
}


def command(port: int) -> list[str]:
    """The command line of the explorer's process."""
    options = [f"--{name}={value}" for name, value in OPTIONS.items()]
    return [sys.executable, "-m", "app.explorer", f"--server.port={port}", *options]


def launch(folder: Path, *, port: int) -> None:
    """Run the explorer over this workspace until it is stopped."""
    environment = {**os.environ, "ORGCONTEXT_WORKSPACE": str(folder.resolve())}
    done = subprocess.run(command(port), env=environment, check=False)  # noqa: S603  # our own interpreter and script
    raise SystemExit(done.returncode)

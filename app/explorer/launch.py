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
}


def command(port: int) -> list[str]:
    """The command line of the explorer's process."""
    options = [f"--{name}={value}" for name, value in OPTIONS.items()]
    return [sys.executable, "-m", "streamlit", "run", str(MAIN), f"--server.port={port}", *options]


def launch(folder: Path, *, port: int) -> None:
    """Run the explorer over this workspace until it is stopped."""
    environment = {**os.environ, "ORGCONTEXT_WORKSPACE": str(folder.resolve())}
    done = subprocess.run(command(port), env=environment, check=False)  # noqa: S603  # our own interpreter and script
    raise SystemExit(done.returncode)

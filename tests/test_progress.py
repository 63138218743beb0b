"""A long load says on a terminal how far it is; answers and pipes never see it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def load(folder: Path, *, terminal: bool) -> tuple[str, str]:
    """What a load prints on standard output, and on standard error, which is a terminal or a pipe."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "app.cli", "-w", str(folder), "load"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs if terminal else subprocess.PIPE, cwd=ROOT, env=environment
    ) as done:
        os.close(theirs)
        out, error = done.communicate()
    if terminal:
        error = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not piece:
                break
            error += piece
    os.close(ours)
    assert done.returncode == 0
    return out.decode(), (error or b"").decode()


def test_a_terminal_sees_a_bar_and_nobody_else(tmp_path: Path) -> None:
    """The source, its files and facts; the line is taken away at the end, and a pipe gets nothing of it."""
    (tmp_path / "words").mkdir()
    for number in range(40):
        (tmp_path / "words" / f"{number}.md").write_text(f"---\nterm: Word {number}\n---\n\nA word.\n")
    (tmp_path / "orgcontext.yaml").write_text("organization: Seen\nsources:\n  - {name: words, loader: glossary, path: words}\n")
    out, seen = load(tmp_path, terminal=True)
    assert re.search(r"1/1 words \[#*-+\] \d+/40 files, \d+ facts", seen)
    assert "merging" in seen
    assert seen.endswith("\r\033[K")
    assert out.startswith("words  40 entities")
    (tmp_path / "context.db").unlink()
    again, nothing = load(tmp_path, terminal=False)
    assert nothing == ""
    assert re.sub(r"\d+\.\d\d s", "", again) == re.sub(r"\d+\.\d\d s", "", out)

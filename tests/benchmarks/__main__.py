"""Prints the table of what was asked for and what is reached; every ratio is of one run on one machine."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.claims import judged
from tests.benchmarks.routes import answers
from tests.benchmarks.table import BENCHES, Bench, Figure

ALL = {**BENCHES, "answers": answers, "judged": judged}


def main(arguments: Sequence[str]) -> None:
    """Run the benches that were named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="entities of the graph; it has five times as many relations")
    parser.add_argument("--large", action="store_true", help="also answer in a graph of a million entities")
    parser.add_argument("--only", action="append", choices=sorted(ALL), help="only this bench; may be said several times")
    chosen = parser.parse_args(arguments)
    print(f"{'work':<46} {'ours':>12} {'yardstick':>12} {'ratio':>8} {'asked':>8}  met  beside")
    for name in chosen.only or ALL:
        with tempfile.TemporaryDirectory() as folder:
            for figure in ALL[name](Bench(Path(folder), chosen.size, chosen.large)):
                print(line(figure), flush=True)


def line(figure: Figure) -> str:
    """One row of the table."""
    asked = f"{'>=' if figure.at_least else '<='} {figure.asked:g}"
    ours, yard = (f"{value:,.3f}" if value < 100 else f"{value:,.0f}" for value in (figure.ours, figure.yardstick))
    ratio = "" if figure.absolute else f"{figure.ratio:.2f}"
    said = "yes" if figure.met else "NO"
    return f"{figure.work:<46} {ours:>8} {figure.unit:<7} {yard:>8} {ratio:>8} {asked:>9}  {said:<4} {figure.beside}"


if __name__ == "__main__":
    main(sys.argv[1:])

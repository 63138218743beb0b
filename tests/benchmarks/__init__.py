"""How quick the project is beside what could stand in its place: `python -m tests.benchmarks`; no test runs it, since times are no promise."""

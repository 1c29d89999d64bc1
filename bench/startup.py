"""CPU of the commands that people and hooks run all the time, beside an empty interpreter.

    .venv/bin/python bench/startup.py

Each command runs in the repository's own root, in turn with the others, so that a noisy machine is noisy for all.
"""

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 15
MCPHUB = str(Path(sys.executable).with_name("mcphub"))
COMMANDS = {
    "empty interpreter": [sys.executable, "-c", ""],
    "mcphub --help": [MCPHUB, "--help"],
    "mcphub validate": [MCPHUB, "validate"],
    "mcphub plan --offline": [MCPHUB, "plan", "--offline"],
}
BUDGETS = {"mcphub --help": 80, "mcphub validate": 150}


def cpu_of(command: list[str]) -> float:
    """Return the milliseconds of CPU, user and system, that `command` takes; it must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def main() -> None:
    """Print one line a command: median, smallest, and ratio to the empty interpreter."""
    found: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            found[name].append(cpu_of(command))
    base = statistics.median(found["empty interpreter"])
    print(f"{'command':24}{'median ms':>12}{'least ms':>12}{'ratio':>8}{'budget ms':>12}")  # noqa: T201  (its output)
    for name, values in found.items():
        median = statistics.median(values)
        budget = BUDGETS.get(name, "")
        print(f"{name:24}{median:12.1f}{min(values):12.1f}{median / base:8.1f}{budget:>12}")  # noqa: T201


if __name__ == "__main__":
    main()

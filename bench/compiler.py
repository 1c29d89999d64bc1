"""CPU and memory of the compiler on hubs of all sizes, whole processes, beside `docker compose config -q`.

python -m bench.compiler

Each hub is written with a lock that fits, and planned without an engine: parsed, validated, resolved, held against its
lock, and compared with nothing. "cold" has an empty cache of catalogs, "cached" a filled one. "again" is the plan of a
hub that is applied as it is.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.hubs import contain, generate, read_registry, resolve_all
from mcphub_gitops.compiler.lock.definitions import write_definitions
from mcphub_gitops.compiler.lock.file import write_lock
from mcphub_gitops.compiler.plan.desired import build
from mcphub_gitops.compiler.plan.file import plan_digest
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.reconcile import Options, reconcile
from mcphub_gitops.compiler.render.compose import render_compose
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.observation import observe_record
from mcphub_gitops.runtime.apply.state import Applied, write_generation
from mcphub_gitops.runtime.garbage import unsearched
from mcphub_gitops.runtime.project import HUB_FILE, Project
from tests.support.hubs import hub_of, lock_of
from tests.support.shared import SHARED

PUBLISHED = SHARED / "docker-mcp-catalog.yaml"
CATALOG = "catalog.yaml"
ROUNDS = 5
MCPHUB = str(Path(sys.executable).with_name("mcphub"))
COMPOSE = str(Path(sys.executable).with_name("docker-compose"))
PLAN = [MCPHUB, "plan", "--offline"]
WAITER = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A process begins with the memory of the one that it comes of, so that one must be small."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a process took: seconds of CPU, user and system, and the most memory in MiB."""

    cpu: float
    memory: float


def main() -> None:
    """Print one line a case: the median, and what it must be."""
    with tempfile.TemporaryDirectory(prefix="mcphub-bench-") as name:
        folder = Path(name)
        print(f"{'case':44}{'CPU s':>8}{'budget':>8}{'MiB':>7}")  # noqa: T201  (its output)
        for case in cases(folder):
            case()
        contained(folder / "contained")
    grown(1_000, 10_000)


def cases(folder: Path) -> Iterator[Callable[[], None]]:
    """Yield what prints the figures of each hub."""
    yield lambda: twenty(folder / "twenty")
    if PUBLISHED.exists():
        yield lambda: published(folder / "published")
    yield lambda: generated(folder / "hundredth", 100, (None, None), None)
    yield lambda: generated(folder / "tenth", 1_000, (None, None), 0.4)
    yield lambda: generated(folder / "whole", 10_000, (4.0, 1.5), None)


def twenty(folder: Path) -> None:
    """Validate a hub of 20 servers, as a hook before each commit does."""
    write(folder, contain(20), {}, {f"s{number:05}": (f"s{number:05}_tool",) for number in range(20)})
    tell("validate 20 servers", measure([MCPHUB, "validate"], folder), 0.150)


def published(folder: Path) -> None:
    """Plan all of a published catalog that mcphub runs."""
    catalog = PUBLISHED.read_bytes()
    registry = read_registry(catalog)
    hub = resolve_all(registry, CATALOG)
    tools = {
        name.lower().replace("_", "-"): tuple(tool["name"] for tool in entry.get("tools", ())) or ("tool",)
        for name, entry in registry.items()
    }
    write(folder, hub, {CATALOG: catalog}, tools)
    tell(f"plan {hub.count('all/')} published servers, cold", measure(PLAN, folder, is_cold=True), 0.45)
    tell(f"plan {hub.count('all/')} published servers, cached", measure(PLAN, folder), 0.25)


def generated(
    folder: Path, servers: int, budgets: tuple[float | None, float | None], check_budget: float | None
) -> None:
    """Plan a generated hub, whose catalog has ten tools a server, hold it against its lock, and plan it again."""
    hub, catalog = generate(servers, 10, CATALOG)
    tools = {f"s{number:05}": tuple(f"s{number:05}_t{tool}" for tool in range(10)) for number in range(servers)}
    write(folder, hub, {CATALOG: catalog.encode()}, tools)
    tell(f"plan {servers:,} servers, {10 * servers:,} tools, cold", measure(PLAN, folder, is_cold=True), budgets[0])
    tell(f"plan {servers:,} servers, {10 * servers:,} tools, cached", measure(PLAN, folder), budgets[1])
    check = [MCPHUB, "lock", "--check"]
    tell(f"lock --check of {servers:,} servers, cold", measure(check, folder, is_cold=True), check_budget)
    tell(f"lock --check of {servers:,} servers, cached", measure(check, folder), check_budget)
    record(folder, hub_of(hub, {CATALOG: catalog.encode()}), tools)
    tell(f"plan {servers:,} servers, again", measure([*PLAN, "--detailed-exitcode"], folder), None)


def contained(folder: Path) -> None:
    """Validate 1,000 container servers beside what compose takes to check the rendered file."""
    text = contain(1_000)
    write(folder, text, {}, {f"s{number:05}": (f"s{number:05}_tool",) for number in range(1_000)})
    hub = hub_of(text)
    desired, _ = build(hub, *lock_of(hub, {server.name: (f"{server.name}_tool",) for server in hub.servers}))
    (folder / "compose.yaml").write_bytes(render_compose(desired, "00000000-0000-4000-8000-000000000000", {}))
    (folder / ".mcphub").mkdir()
    for server in hub.servers:
        (folder / ".mcphub" / "secrets" / server.name).mkdir(parents=True)
        (folder / ".mcphub" / "secrets" / server.name / ".env").write_text("KEY='x'\n", "utf-8")
    ours = measure(PLAN, folder)
    theirs = measure([COMPOSE, "-f", "compose.yaml", "config", "-q"], folder)
    tell("plan 1,000 container servers", ours, 0.5 * theirs.cpu)
    tell("docker compose config -q of the same", theirs, None)
    print(f"{'ratio (at most 0.5)':44}{ours.cpu / theirs.cpu:8.2f}")  # noqa: T201


def grown(few: int, many: int) -> None:
    """Bind hubs to their locks and plan them within one process, as a command does; tell what more servers cost."""
    small, large = (within(number) for number in (few, many))
    print(f"\n{'within a process, CPU s':44}{few:>8,}{many:>8,}{'ratio':>7}")  # noqa: T201  (its output)
    for case, one in small.items():
        print(f"{case:44}{one:8.3f}{large[case]:8.3f}{large[case] / one:7.1f}", flush=True)  # noqa: T201


def within(servers: int) -> dict[str, float]:
    """Return what each phase of a plan of so many servers takes: the least of some rounds."""
    text, catalog = generate(servers, 10, CATALOG)
    hub = hub_of(text, {CATALOG: catalog.encode()})
    lock, definitions = lock_of(hub, {each.name: tuple(f"{each.name}_t{n}" for n in range(10)) for each in hub.servers})
    desired, _ = build(hub, lock, definitions)
    first = reconcile(desired, Observed(), Options())
    applied = observe_record(Applied(serial=1, plan=first, generation="served"), {})
    phases: dict[str, Callable[[], object]] = {
        "build": lambda: build(hub, lock, definitions),
        "reconcile, nothing applied": lambda: reconcile(build(hub, lock, definitions)[0], Observed(), Options()),
        "reconcile, applied already": lambda: reconcile(build(hub, lock, definitions)[0], applied, Options()),
        "digest of the first plan": lambda: plan_digest(first),
    }
    with unsearched():
        return {case: min(seconds(phase) for _ in range(ROUNDS)) for case, phase in phases.items()}


def seconds(work: Callable[[], object]) -> float:
    """Return the CPU seconds that `work` takes."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def write(folder: Path, hub: str, files: Mapping[str, bytes], tools: Mapping[str, tuple[str, ...]]) -> None:
    """Write the hub with its catalogs, and a lock that fits."""
    folder.mkdir()
    (folder / "mcp-hub.yaml").write_text(hub, "utf-8")
    for name, data in files.items():
        (folder / name).write_bytes(data)
    made = hub_of(hub, files)
    lock, definitions = lock_of(made, {server.name: tools[server.name] for server in made.servers})
    (folder / "mcp-hub.lock").write_bytes(write_lock(lock))
    (folder / "mcp-hub.tools").mkdir()
    for name, each in definitions.items():
        (folder / "mcp-hub.tools" / f"{name}.json").write_bytes(write_definitions(each))


def record(folder: Path, hub: Hub, tools: Mapping[str, tuple[str, ...]]) -> None:
    """Write what an apply of the hub records, so that nothing is left to do."""
    desired, _ = build(hub, *lock_of(hub, tools))
    layout = Layout(folder=Project(root=folder, hub_file=HUB_FILE).runtime_folder)
    layout.prepare()
    write_generation(layout, reconcile(desired, Observed(), Options()), [])


def measure(command: list[str], folder: Path, *, is_cold: bool = False) -> Cost:
    """Return the median cost of `command`, which must succeed; the first run, which fills the cache, is not counted."""
    # Beside the project: none that lies in it is used.
    cache = folder.with_name(f"{folder.name}.cache")
    found = []
    for _ in range(ROUNDS + 1):
        if is_cold and cache.exists():
            shutil.rmtree(cache)
        found.append(run(command, folder, {**os.environ, "XDG_CACHE_HOME": str(cache)}))
    return Cost(cpu=statistics.median(each.cpu for each in found[1:]), memory=max(each.memory for each in found[1:]))


def run(command: list[str], folder: Path, env: Mapping[str, str]) -> Cost:
    """Return what one process took."""
    done = subprocess.run(
        [sys.executable, "-c", WAITER, *command], cwd=folder, env=env, capture_output=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{command} failed:\n{done.stderr[-2000:].decode()}")
    cpu, memory = done.stdout.split()
    return Cost(cpu=float(cpu), memory=int(memory) / 1024)


def tell(case: str, cost: Cost, budget: float | None) -> None:
    """Print one line."""
    print(f"{case:44}{cost.cpu:8.3f}{'' if budget is None else f'{budget:.2f}':>8}{cost.memory:7.0f}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()

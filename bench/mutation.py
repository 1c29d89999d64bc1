"""Changes the code that decides about paths, URLs and policies, and tells how many changes the tests notice.

``python -m bench.mutation FOLDER [WORST]``: the score of each area is printed in percent, and where one is below WORST
the status is 1. mutmut knows a module by the folders above it, so it works on a copy in FOLDER that is laid out as the
package is installed.
"""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
AREAS = {
    "paths": ("resolve/confinement", "resolve/path"),
    "URLs": ("resolve/address", "resolve/image", "resolve/public", "url"),
    "policies": (
        "policy/bounds",
        "policy/cases",
        "policy/check",
        "policy/condition",
        "policy/identity",
        "policy/judgement",
        "policy/place",
        "policy/tree",
    ),
}
TESTS = (
    "tests/compiler/policy",
    "tests/compiler/resolve/test_address.py",
    "tests/compiler/resolve/test_confinement.py",
    "tests/compiler/resolve/test_image.py",
    "tests/compiler/resolve/test_path.py",
    "tests/compiler/resolve/test_public.py",
    "tests/compiler/test_url.py",
    "tests/test_cases.py",
)
UNNOTICED = frozenset({"no tests", "not checked", "survived"})
CONFIG = """\
[tool.mutmut]
source_paths = ["mcphub_gitops"]
only_mutate = [{modules}]
also_copy = ["bench", "tests"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-W", "ignore", "--hypothesis-seed=0"]
pytest_add_cli_args_test_selection = [{tests}]

[tool.pytest.ini_options]
pythonpath = ["."]
"""


def lay_out(folder: Path) -> None:
    """Copy the package and its tests into `folder`, with what tells mutmut what to do."""
    shutil.rmtree(folder, ignore_errors=True)
    skipped = shutil.ignore_patterns("__pycache__")
    for room in ("compiler", "runtime", "schemas", "templates"):
        shutil.copytree(ROOT / room, folder / "mcphub_gitops" / room, ignore=skipped)
    for room in ("bench", "tests"):
        shutil.copytree(ROOT / room, folder / room, ignore=skipped)
    modules = ", ".join(f'"mcphub_gitops/compiler/{name}.py"' for names in AREAS.values() for name in names)
    tests = ", ".join(f'"{name}"' for name in TESTS)
    (folder / "pyproject.toml").write_text(CONFIG.format(modules=modules, tests=tests), "utf-8")


def mutmut(folder: Path, *arguments: str) -> str:
    """Run mutmut in `folder` and return what it prints."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\nmutmut {arguments[0]} failed.")
    return done.stdout


def score(lines: list[str], modules: tuple[str, ...]) -> tuple[int, int]:
    """Return how many changes of `modules` were noticed, and how many there are, of mutmut's lines ``NAME: STATUS``."""
    names = {f"mcphub_gitops.compiler.{module.replace('/', '.')}" for module in modules}
    found = [line.rpartition(": ")[2] for line in lines if line.rpartition(".")[0] in names]
    return len(found) - len([each for each in found if each in UNNOTICED]), len(found)


def main(name: str, worst: str = "0") -> int:
    """Print what survives, and the score of each area; return 1 where one is below `worst` percent."""
    folder = Path(name).absolute()
    lay_out(folder)
    mutmut(folder, "run")
    lines = [line.strip() for line in mutmut(folder, "results", "--all", "true").splitlines()]
    sys.stdout.writelines(f"{line}\n" for line in lines if line.rpartition(": ")[2] in UNNOTICED)
    scores = {area: score(lines, modules) for area, modules in AREAS.items()}
    for area, (noticed, total) in scores.items():
        sys.stdout.write(f"{area}: {noticed} of {total} changes are noticed: {100 * noticed / max(1, total):.1f} %\n")
    return int(any(100 * noticed < float(worst) * total or not total for noticed, total in scores.values()))


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

"""Changes the code that decides about paths, addresses and images, and tells how many changes the tests notice.

``python -m bench.mutation FOLDER [WORST]``: the score in percent is printed, and below WORST the status is 1. mutmut
knows a module by the folders above it, so it works on a copy in FOLDER that is laid out as the package is installed.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MODULES = ("address", "confinement", "image", "path")
TESTS = ("tests/compiler", "tests/test_cases.py")
CONFIG = """\
[tool.mutmut]
source_paths = ["mcphub_gitops"]
only_mutate = [{modules}]
also_copy = ["tests"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-W", "ignore"]
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
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=skipped)
    modules = ", ".join(f'"mcphub_gitops/compiler/resolve/{name}.py"' for name in MODULES)
    tests = ", ".join(f'"{name}"' for name in TESTS)
    (folder / "pyproject.toml").write_text(CONFIG.format(modules=modules, tests=tests), "utf-8")


def mutmut(folder: Path, *arguments: str) -> str:
    """Run mutmut in `folder` and return what it prints."""
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout


def main(name: str, worst: str = "0") -> int:
    """Print the score and what survives; return 1 below `worst` percent."""
    folder = Path(name).absolute()
    lay_out(folder)
    mutmut(folder, "run")
    mutmut(folder, "export-cicd-stats")
    stats = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_bytes())
    noticed = stats["killed"] + stats["timeout"] + stats.get("suspicious", 0) + stats.get("segfault", 0)
    total = stats["total"] - stats.get("skipped", 0)
    for line in mutmut(folder, "results").splitlines():
        sys.stdout.write(f"{line.strip()}\n")
    sys.stdout.write(f"{noticed} of {total} changes are noticed: {100 * noticed / max(1, total):.1f} %\n")
    return 1 if 100 * noticed < float(worst) * total or not total else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

"""Fuzzes each target in turn for its share of a time: ``python -m tests.fuzz.run SECONDS FOLDER [TARGET...]``.

What was found of interest stays in FOLDER and is gone on from; what fails is written there, and its name is printed.
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.fuzzing import TARGETS, TOKENS

ROOT = Path(__file__).parents[2]
LONGEST = 8192
"""The most bytes of an input."""

SLOWEST = 20
"""Seconds that one input may take."""


def fuzz(target: str, seconds: int, folder: Path) -> bool:
    """Fuzz `target` and tell whether all held."""
    corpus = folder / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[target][1]):
        (corpus / f"seed-{number}").write_text(seed, "utf-8")
    words = folder / "words"
    words.write_text("".join(f'"{_escaped(token)}"\n' for token in TOKENS), "ascii")
    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={SLOWEST}",
        f"-dict={words}",
        f"-artifact_prefix={folder}/failed-{target}-",
        "-rss_limit_mb=2048",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "tests.fuzz.harness", target, *options, str(corpus)]
    paths = os.pathsep.join([str(ROOT / "build" / "view"), str(ROOT)])
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}, check=False).returncode == 0


def _escaped(token: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in token.encode())


def main(seconds: str, folder: str, *targets: str) -> int:
    """Fuzz `targets`, or all, for `seconds` together; return 1 when something failed."""
    chosen = targets or tuple(TARGETS)
    share = max(1, int(seconds) // len(chosen))
    failed = [target for target in chosen if not fuzz(target, share, Path(folder).absolute())]
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else "all held\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))

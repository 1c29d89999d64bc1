"""What a shell completes, asked as its script asks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mcphub_gitops.compiler.codes import CODES
from mcphub_gitops.runtime.cli.main import COMMANDS
from tests.support.projects import MCPHUB, mcphub

ENVIRONMENT = {**os.environ, "PATH": f"{Path(MCPHUB).parent}{os.pathsep}{os.environ['PATH']}"}
SCRIPT = """
eval "$(mcphub completion bash)"
COMP_WORDS=({words}) COMP_CWORD={place}
_mcphub_completion mcphub
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(*words: str) -> list[str]:
    """Return what bash offers for the last of `words`."""
    quoted = " ".join(f"'{word}'" for word in ("mcphub", *words))
    script = SCRIPT.format(words=quoted, place=len(words))
    done = subprocess.run(["bash", "--norc", "-c", script], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_options_and_arguments() -> None:
    assert completed("") == list(COMMANDS)
    assert completed("va") == ["validate"]
    assert completed("--ver") == ["--version"]
    assert completed("validate", "--f") == ["--file", "--fix"]
    assert completed("validate", "--output", "g") == ["github", "gitlab"]
    assert completed("explain", "mh2") == [name for name in CODES if name.startswith("MH2")]
    assert completed("schema", "h") == ["hub"]
    assert completed("gateway", "r") == ["run"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_it_can_read(tmp_path: Path, shell: str) -> None:
    done = mcphub(tmp_path, "completion", shell)
    assert done.returncode == 0
    assert "_MCPHUB_COMPLETE" in done.stdout
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n"], input=done.stdout, text=True, check=True)


def test_a_command_is_completed_without_loading_any() -> None:
    program = Path(MCPHUB).read_text("utf-8").partition("\n")[2]
    asked = {**ENVIRONMENT, "_MCPHUB_COMPLETE": "bash_complete", "COMP_WORDS": "mcphub ", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import sys; sys.argv[0] = 'mcphub'\n{program}"],
        env=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "plain,validate" in done.stdout
    assert "mcphub_gitops.runtime.cli.validate" not in done.stderr

"""Feeds the compiler with what atheris makes up, guided by which of its branches are reached.

``python -m tests.fuzz.harness TARGET [libFuzzer's options] CORPUS``, with `build/view` on the path.
"""

import sys

import atheris

with atheris.instrument_imports(include=["mcphub_gitops.compiler"]):
    from tests.support.fuzzing import TARGETS

if __name__ == "__main__":
    target = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[target][0])
    atheris.Fuzz()

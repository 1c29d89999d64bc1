"""The program's door: an apply whose answer is remembered has it here, and all else is the program itself."""

import sys

from mcphub_gitops.runtime.cli import lazy


def main() -> None:
    """Run the program and exit with its documented code."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["apply"] and lazy.load("remembered").repeat(arguments[1:]):
        sys.exit(0)
    lazy.load("main").main()

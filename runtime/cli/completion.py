"""`mcphub completion`: what makes a shell complete the program's commands, options and arguments."""

from collections.abc import Mapping

import click
from click.shell_completion import CompletionItem, get_completion_class

from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.failure import RuntimeFailure

_PROGRAM = "mcphub"
_VARIABLE = "_MCPHUB_COMPLETE"
"""By which a shell's script asks the program; click's own name for it."""


@click.command(
    epilog='\b\nExamples:\n  eval "$(mcphub completion bash)"\n'
    "  mcphub completion zsh > ~/.zfunc/_mcphub\n"
    "  mcphub completion fish > ~/.config/fish/completions/mcphub.fish",
)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> int:
    """Print the script with which SHELL completes mcphub: bash (4.4 or later), zsh or fish.

    Exit code 0; 1 on errors.
    """
    found = get_completion_class(shell)
    if found is None:
        raise RuntimeFailure(f"nothing is known of {shell}")
    click.echo(found(context.find_root().command, {}, _PROGRAM, _VARIABLE).source())
    return Exit.OK


def complete_command(commands: Mapping[str, str], incomplete: str) -> list[CompletionItem[str]]:
    """Return those of `commands`, which have their help beside them, that begin with `incomplete`."""
    return [CompletionItem(name, help=words) for name, words in commands.items() if name.startswith(incomplete)]

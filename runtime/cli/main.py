"""The `mcphub` program: a group whose commands are imported only when they are called."""

import sys
from typing import TYPE_CHECKING

import click

from mcphub_gitops.runtime.cli import exits, lazy

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {
    "init": "Begin a hub in this folder.",
    "validate": "Check the hub document.",
    "config": "Show the hub as all its files make it, and set settings.",
    "server": "List, add, remove, enable and disable servers.",
    "tool": "Say which tools of a server are served.",
    "fmt": "Bring the hub document into its one layout.",
    "lock": "Pin packages and tools.",
    "update": "Move the lock to what is newest.",
    "outdated": "Tell what upstream has newer.",
    "plan": "Show what an apply would do.",
    "diff": "Compare two plans, locks or commits.",
    "apply": "Make the machine what the hub says.",
    "render": "Write the containers as a compose file.",
    "drift": "Tell how the world differs from what was applied.",
    "ci": "Take part in a change's review and merge, in a job of a forge.",
    "recover": "Take over containers whose .mcphub was lost.",
    "gateway": "Serve the applied generation.",
    "policy": "Look at the rules that the hub is held against.",
    "test": "Run the tests of the hub.",
    "clients": "Show what connects a client to the hub.",
    "status": "Show how the servers fare.",
    "logs": "Show what a server says.",
    "up": "Apply, and serve the gateway.",
    "down": "Stop serving.",
    "why": "Say why a server or a tool is as it is.",
    "explain": "Say what a diagnostic's code means.",
    "schema": "Print the JSON Schema of a document.",
    "completion": "Print the script for a shell's completion.",
}


class LazyGroup(click.Group):
    """Knows its commands by name and one line of help; imports a command's module when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        """Return the commands in the order of the loop, which is how a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command `cmd_name`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(lazy.load(cmd_name), cmd_name)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Complete a command's name without importing any, or an option."""
        commands: list[CompletionItem[str]] = lazy.load("completion").complete_command(COMMANDS, incomplete)
        return commands + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExamples:\n  mcphub init\n  mcphub lock\n  mcphub up",
)
@click.version_option(package_name="mcphub-gitops", prog_name="mcphub")
def cli() -> None:
    """Declare the MCP servers of a team in mcp-hub.yaml."""


def main() -> None:
    """Run the program and exit with its documented code."""
    sys.exit(exits.run(lambda: cli.main(standalone_mode=False)))

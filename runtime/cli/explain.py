"""`mcphub explain`: what the code of a diagnostic means."""

from difflib import get_close_matches

import click

from mcphub_gitops.compiler.codes import CODES, Code
from mcphub_gitops.compiler.source import printable
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.options import output_option
from mcphub_gitops.runtime.cli.output import show_json
from mcphub_gitops.templates import load_examples


def _complete(_context: click.Context, _argument: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in CODES if name.startswith(incomplete.upper())]


@click.command(epilog="\b\nExamples:\n  mcphub explain MH201\n  mcphub explain\n  mcphub explain --output json")
@click.argument("name", metavar="[CODE]", required=False, shell_complete=_complete)
@output_option
def explain(name: str | None, output: str) -> int:
    """Say what the diagnostic CODE means, why it is one and how it looks; without CODE, list all codes.

    Exit code 0; 1 when there is no such code.
    """
    codes = [_find(name)] if name is not None else list(CODES.values())
    if output == "json":
        examples = load_examples()
        documents = [{**_document(code), "example": examples[code.name]} for code in codes]
        show_json({"format": "mcphub.codes/v1", "codes": documents})
    elif name is not None:
        click.echo(_explained(codes[0]))
    else:
        click.echo("\n".join(f"{code.name}  {code.severity.value:<7}  {code.summary}" for code in codes))
    return Exit.OK


def _find(name: str) -> Code:
    code = CODES.get(name.upper())
    if code is None:
        close = get_close_matches(name.upper(), CODES, n=1)
        help_ = f"did you mean {close[0]}?" if close else "`mcphub explain` lists all."
        raise click.BadParameter(f"there is no code {printable(name)}; {help_}", param_hint="CODE")
    return code


def _explained(code: Code) -> str:
    head = f"{code.name}: {code.summary} ({code.severity.value})"
    return f"{head}\n\n{click.wrap_text(code.explanation, width=80)}\n\nFor example:\n\n{load_examples()[code.name]}"


def _document(code: Code) -> dict[str, str]:
    return {
        "code": code.name,
        "severity": code.severity.value,
        "summary": code.summary,
        "explanation": code.explanation,
    }

"""The template language of values: ``${vars.NAME}``, ``${env}`` and ``$$``, and nothing else."""

import re
from collections.abc import Mapping

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.compiler.resolve.model import Text

_DOLLAR = re.compile(r"\$(?:(?P<escape>\$)|\{(?P<name>[^{}]*)\}|(?P<lone>))")


def fill(text: Text, variables: Mapping[str, str]) -> tuple[Text, tuple[Diagnostic, ...]]:
    """Return `text` with each ``${NAME}`` of `variables` replaced, and what could not be.

    A replaced value is not read again, so a variable can never smuggle in a template.
    """
    problems: list[Diagnostic] = []

    def replace(match: re.Match[str]) -> str:
        if match["escape"]:
            return "$"
        name = match["name"]
        if name is not None and name in variables:
            return variables[name]
        problems.append(_problem(name, text, variables))
        return match[0]

    filled = _DOLLAR.sub(replace, text.value)
    return Text(value=filled, span=text.span), tuple(problems)


def _problem(name: str | None, text: Text, variables: Mapping[str, str]) -> Diagnostic:
    if name is None:
        detail = "A `$` begins `${vars.NAME}`."
        return Diagnostic(code=codes.TEMPLATE, detail=detail, span=text.span, help="write `$$` for a dollar")
    if name == "env":
        detail = "`${env}` is the name of the environment, and the hub is read without one."
        help_ = "run mcphub with `--env NAME`"
        return Diagnostic(code=codes.UNKNOWN_NAME, detail=detail, span=text.span, help=help_)
    if not name.startswith("vars."):
        detail = f"`${{{name}}}` is not a template."
        help_ = "templates are `${vars.NAME}` and `${env}`; write `$$` for a dollar"
        return Diagnostic(code=codes.TEMPLATE, detail=detail, span=text.span, help=help_)
    wanted = name.removeprefix("vars.")
    known = [each.removeprefix("vars.") for each in variables if each.startswith("vars.")]
    help_ = suggest(wanted, known) or "declare it under `vars:`"
    return Diagnostic(code=codes.UNKNOWN_NAME, detail=f"No variable is called `{wanted}`.", span=text.span, help=help_)

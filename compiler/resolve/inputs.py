"""What a `server.json` asks its users for, as the settings, secrets and templates of a catalog's entry."""

import re
from dataclasses import dataclass, field
from typing import Any

from mcphub_gitops.compiler.read.syntax import Entry, Node, plain
from mcphub_gitops.compiler.resolve.catalog import CatalogSecret, Refusal
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, value
from mcphub_gitops.compiler.source import Span

_NAME = re.compile(r"\{([^{}]*)\}")
_TYPES = {"string": "string", "filepath": "string", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of one entry, whose templates begin with `top`; `refusals` is what cannot be understood."""

    top: str
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    secrets: dict[str, CatalogSecret] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the settings."""
        return {"type": "object", "properties": self.settings, "required": self.required} if self.settings else {}

    def template(self, node: Node, name: str, *, several: bool = False, is_variable: bool = False) -> Text:
        """Return what the input at `node` comes to; what the user gives is called `name`.

        It may be `several` values. A secret that is an environment variable by itself is that variable.
        """
        given = text(child(node, "value"))
        if given is None:
            return Text(value=self._asked(node, name, several=several, is_variable=is_variable), span=node.span)
        variables = {entry.key: entry for entry in entries(node, "variables")}
        return Text(value=self._filled(given, variables), span=given.span)

    def url(self, node: Node) -> Text | None:
        """Return the template of a transport's URL."""
        given = text(child(node, "url"))
        variables = {entry.key: entry for entry in entries(node, "variables")}
        return Text(value=self._filled(given, variables), span=given.span) if given is not None else None

    def is_given(self, node: Node) -> bool:
        """Tell whether the input has its value from the document."""
        return child(node, "value") is not None

    def refuse(self, detail: str, span: Span) -> None:
        """Note that the entry cannot be used, and why."""
        self.refusals.append(Refusal(detail=detail, span=span))

    def _filled(self, given: Text, variables: dict[str, Entry]) -> str:
        if "{{" in given.value or "}}" in given.value:
            self.refuse(f"`{given.value}` has double braces, which are no variable.", given.span)
        named = set(_NAME.findall(given.value)) & variables.keys()
        kinds = {value(variables[name].value, "isSecret") is True for name in named}
        if len(kinds) > 1:
            self.refuse(f"`{given.value}` is made of a secret and a setting.", given.span)

        def replaced(match: re.Match[str]) -> str:
            entry = variables.get(match[1])
            return self._asked(entry.value, entry.key) if entry is not None else match[0]

        return _NAME.sub(replaced, given.value)

    def _asked(self, node: Node, name: str, *, several: bool = False, is_variable: bool = False) -> str:
        fixed = text(child(node, "value"))
        if fixed is not None:
            return fixed.value
        is_required = value(node, "isRequired") is True
        if value(node, "isSecret") is True:
            self.secrets[name] = CatalogSecret(
                name=name, variable=name, required=is_required, alone=is_variable, span=node.span
            )
            return f"${{{name}}}"
        self.settings[name] = self._setting(node, several=several)
        if is_required and "default" not in self.settings[name] and name not in self.required:
            self.required.append(name)
        return f"{{{{{self.top}.{name}}}}}"

    def _setting(self, node: Node, *, several: bool) -> dict[str, Any]:
        kind = _TYPES.get(str(value(node, "format") or "string"), "string")
        setting: dict[str, Any] = {"type": kind}
        choices = child(node, "choices")
        offered = plain(choices) if choices is not None else None
        if isinstance(offered, list) and offered:
            setting["enum"] = [self._typed(str(each), kind, node.span) for each in offered]
        default = text(child(node, "default"))
        if several:
            setting = {"type": "array", "items": setting}
        if default is not None and default.value:
            found = self._typed(default.value, kind, default.span)
            setting["default"] = [found] if several else found
        return setting

    def _typed(self, written: str, kind: str, span: Span) -> object:
        if kind == "boolean" and written.lower() in {"true", "false"}:
            return written.lower() == "true"
        if kind == "number" and re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,15})?", written):
            return float(written) if "." in written else int(written)
        if kind != "string":
            self.refuse(f"`{written}` is no {kind}.", span)
        return written

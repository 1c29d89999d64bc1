"""Text with holes, and examples: what mcphub writes for people to go on with. User text is never a template."""

import json
from collections.abc import Mapping
from importlib.resources import files
from string import Template


class _Marked(Template):
    """Holes are ``@@name``: in jobs of forges, dollars are the shell's and the forge's own."""

    delimiter = "@@"


def fill_template(template: str, **values: str) -> str:
    """Return `template` with each ``$hole`` replaced by its value; raises KeyError for one without a value."""
    return Template(files(__name__).joinpath(template).read_text("utf-8")).substitute(values)


def fill_jobs(forge: str, values: Mapping[str, str]) -> dict[str, str]:
    """Return the files of jobs for `forge` by name, with each ``@@hole`` replaced by its value."""
    folder = files(__name__).joinpath("ci", forge)
    return {file.name: _Marked(file.read_text("utf-8")).substitute(values) for file in folder.iterdir()}


def load_examples() -> Mapping[str, str]:
    """Return what each diagnostic looks like, by its code; made from the golden cases."""
    found: dict[str, str] = json.loads(files(__name__).joinpath("examples.json").read_bytes())
    return found

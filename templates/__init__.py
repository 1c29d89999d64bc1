"""Text with holes: what mcphub writes for people to go on with. User text is never a template."""

from importlib.resources import files
from string import Template


def fill_template(template: str, **values: str) -> str:
    """Return `template` with each ``$hole`` replaced by its value; raises KeyError for one without a value."""
    return Template(files(__name__).joinpath(template).read_text("utf-8")).substitute(values)

"""What a code is: its name, its constant summary, its explanation and how much it weighs."""

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a diagnostic weighs; an error cannot be silenced."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A kind of diagnostic: `name` is stable for ever, `summary` never changes with the input."""

    name: str
    summary: str
    explanation: str
    severity: Severity = Severity.ERROR

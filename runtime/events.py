"""The vocabulary in which long work reports what it does."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """An act began: `act` as a verb form ("installing"), the object's address, and why."""

    act: str
    address: str
    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """The act has come to `done` of `total` bytes; `total` may grow, and is 0 while it is not known."""

    act: str
    address: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The act ended well after `seconds`."""

    act: str
    address: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The act failed; `brief` is the first line of why."""

    act: str
    address: str
    brief: str


Event: TypeAlias = Begun | Progress | Done | Failed

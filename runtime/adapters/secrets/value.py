"""What a secret's value may be, and the words for one that cannot be had."""

from typing import TypeAlias

from mcphub_gitops.runtime.failure import RuntimeFailure

LONGEST = 64 * 1024
"""Bytes. One variable may have 128 KiB (MAX_ARG_STRLEN, execve(2)); a private key or a token has a few."""

Outcome: TypeAlias = str | RuntimeFailure
"""A value, or why there is none."""


def checked(reference: str, value: str) -> str:
    """Return `value` if a variable can hold it; raises RuntimeFailure that names the reference alone."""
    if not value:
        raise RuntimeFailure(
            f"the secret {reference} is empty", resolution="give it a value, or take it out of the server's `secrets`"
        )
    if "\0" in value:
        raise unreadable(reference, "It holds a zero byte, which no environment variable can.")
    # Bytes that are no UTF-8 text come out of files and out of the environment as lone surrogates.
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise unreadable(reference, "It is not UTF-8 text.")
    return value


def text_of(data: bytes) -> str:
    """Return `data` as text without one line break at its end, which editors and programs put there."""
    text = data.decode("utf-8", "surrogateescape")
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def unreadable(reference: str, detail: str, resolution: str = "") -> RuntimeFailure:
    """Return the failure that tells that `reference` cannot be read, and why."""
    return RuntimeFailure(
        f"the secret {reference} cannot be read",
        detail=detail,
        resolution=resolution or "put the value, as UTF-8 text, where the reference says",
    )

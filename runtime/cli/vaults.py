"""The secret stores that are asked over HTTP: loaded when a secret is in one."""

from mcphub_gitops.runtime.adapters.secrets.vault import read_vault

__all__ = ["read_vault"]

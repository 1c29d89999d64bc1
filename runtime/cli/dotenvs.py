"""Files of `NAME=value` lines: loaded when a secret is in one."""

from mcphub_gitops.runtime.adapters.secrets.dotenv import parse_dotenv

__all__ = ["parse_dotenv"]

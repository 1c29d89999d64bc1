"""Files behind URLs: loaded when one is fetched."""

from mcphub_gitops.runtime.network.download import Downloader


def download(url: str, whose: str, limit: int) -> bytes:
    """Return what is at `url`; raises RuntimeFailure."""
    return Downloader(limit=limit).fetch(url, whose=whose)

"""A hub whose tools are containers by themselves, and its catalog."""

from mcphub_gitops.compiler.resolve.model import Hub
from tests.support.hubs import hub_of

DIGEST = "sha256:" + "a" * 64
CATALOG = """\
version: 3
name: c
displayName: C
registry:
  video:
    type: poci
    tools:
      - name: convert
        description: Convert a video.
        annotations: {destructiveHint: false}
        parameters:
          type: object
          properties: {args: {type: array, items: {type: string}}, dir: {type: string}}
          required: [args]
        container:
          image: registry.example/ffmpeg:7
          command: ["{{args|into}}"]
          volumes: ["{{dir|mount_as:/in}}", "cache:/cache", "/srv/codecs:/codecs:ro"]
          user: "1000"
      - name: version
        container: {image: "registry.example/ffmpeg:7", command: [-version]}
      - name: probe
        container: {image: "registry.example/probe@DIGEST"}
""".replace("DIGEST", DIGEST)
HUB = """\
apiVersion: mcphub/v1
name: acme
catalogs: {c: {path: catalog.yaml}}
servers:
  video: {from: c/video, paths: {read: [media]}}
"""


def tools_hub(text: str = HUB, catalog: str = CATALOG) -> Hub:
    """Return the hub of `text`, which must be right, with its catalog."""
    return hub_of(text, {"catalog.yaml": catalog.encode()})

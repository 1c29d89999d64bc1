"""A hub with tokens, and a profile and a whole that are for groups of them."""

GROUPED = """\
apiVersion: mcphub/v1
name: acme
defaults: {run: process}
secretStores:
  corp: {vault: {address: "https://vault.acme.example", auth: {token: "env://VAULT_TOKEN"}}}
  other: {vault: {address: "https://other.acme.example", auth: {token: "env://VAULT_TOKEN"}}}
servers:
  notes: {command: [python3, srv/notes.py]}
profiles:
  readers: {groups: [support, platform], servers: [notes]}
gateway:
  groups: [platform]
  auth:
    tokens:
      ci: {value: "env://CI", groups: [platform]}
      desk: {value: {store: corp, key: a/b, field: c}, groups: [support]}
"""

"""Forges, asked over their APIs: who approved what was merged, and the one comment on a change."""

"""Where secret values come from: one module a kind of reference."""

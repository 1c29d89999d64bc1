"""Where servers run: each engine observes and starts, and decides nothing."""

"""What must be pinned, what is pinned, what is stale and why."""

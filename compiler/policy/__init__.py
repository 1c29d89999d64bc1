"""Rules over what a hub amounts to: conditions, facts, verdicts."""

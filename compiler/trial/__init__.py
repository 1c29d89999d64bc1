"""A team's tests of its hub: what it is to amount to, held against what it does."""

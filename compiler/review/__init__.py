"""What changed between two states of a hub, in words and classes; pure like all of the compiler."""

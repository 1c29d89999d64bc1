"""The pure half of mcphub: text in, values and diagnostics out.

Nothing below this package reads a clock, an environment, a network or a disk, starts a process or logs.
"""

"""The shell around the compiler: everything that touches files, processes, sockets, the clock and the terminal."""

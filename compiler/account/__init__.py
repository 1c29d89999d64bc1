"""What can be said of a server or a tool of a hub, and which line each comes from."""

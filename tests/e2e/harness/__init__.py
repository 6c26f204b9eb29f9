"""What the end-to-end tests stand on: the binary, its demo, a browser without scripts, raw sockets."""

"""What the demo, the system tests and the end-to-end tests share: a network, servers, the daemon."""

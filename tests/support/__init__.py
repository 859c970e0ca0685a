"""What the demo, the system tests and the e2e tests share: a network, servers, the daemon."""

"""What several test suites share: servers to start, things to build."""

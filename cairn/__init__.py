"""The `cairn` command: a thin front door to flows, services and the provenance log."""

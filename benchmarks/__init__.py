"""Figures of docs/RESULTS.md, each printed by one command. Run them after `cairn run`."""

"""WHEN, and in which order: Prefect flows that read like a table of contents, one file a stage."""

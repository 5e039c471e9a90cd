"""One step each: read, call models, track in MLflow, anchor in the provenance log."""

"""Pictures of a federated run."""

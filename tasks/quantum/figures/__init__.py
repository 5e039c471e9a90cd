"""Pictures of the quantum stage."""

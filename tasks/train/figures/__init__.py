"""Pictures of how a model did: each file turns numbers into one figure, no more."""

"""The search stage: which small student keeps what the trained model can do."""

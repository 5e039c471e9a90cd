"""Six questions about a model, each answered pass, fail or not checked."""

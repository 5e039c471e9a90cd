"""A view as a graph that runs without torch: exported, checked against it, quantised."""

"""Make a trained model small and fast: one technique a file, each a pure function of a module."""

"""Make the trained model small and fast, and measure every step of the way."""

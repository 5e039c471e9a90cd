"""Quantum circuits as trainable heads: a circuit is data, and three engines run it.

`circuit` says what a circuit is, `engine` runs it in plain torch, `pennylane_engine` on any
PennyLane device, which is the reference. Wire 0 is the most significant bit, as in PennyLane.
"""

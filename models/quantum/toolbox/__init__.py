"""States, channels, measures, algorithms and optimisers, on PennyLane (https://pennylane.ai).

Each is held in tests against a closed form or a published value. Wire 0 is the most significant bit
of a basis state. Import the module that is needed: PennyLane takes seconds to import.
"""

"""Federated rounds: clients keep their data, a server combines what they learned.

Built on Flower (https://flower.ai): its Message API, its strategies, its secure aggregation. Arrays
travel as named float32 NumPy arrays; in process, in Ray and behind a SuperLink the same ClientApp
and the same server loop run.
"""

"""Decisions as quadratic problems over yes-or-no variables (QUBO), and several ways to solve them.

One description (problem.py), one answer (answer.py), solvers of one signature (exact.py, greedy.py,
samplers.py, draws.py, qaoa.py), and a table that shows them side by side (compare.py). QAOA is
simulated: what it needs and finds can be studied here, and no time is won by it.

Source: Glover, Kochenberger & Du 2019, https://arxiv.org/abs/1811.11538 (QUBO models).
"""

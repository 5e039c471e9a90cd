"""Federated rounds between real processes: a SuperLink and SuperNodes over TLS, each with its key.

models/federated has the rounds; this folder starts what carries them, and keeps what they leave.
"""

"""The quantum stage: does a quantum head on the frozen model help?"""

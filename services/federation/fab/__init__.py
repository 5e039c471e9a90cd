"""What a SuperLink hands to its nodes: the two apps, and nothing of the project's code with them.

Every host has Cairn installed; the bundle only says what to call.
"""

"""Ingest: fetch a source, look into every file, split by concept, publish manifest and media.

source.py says what a source is; stamps.py, folder.py and digits.py are the three that exist. What
comes after is the same for all: examine.py, split.py, manifest.py, report.py, put together in
gather.py.
"""

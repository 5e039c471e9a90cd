"""The toy project of tests/flows, also for the command line."""

from tests.flows.conftest import ran, ran_once, toy, toy_environment

__all__ = ["ran", "ran_once", "toy", "toy_environment"]

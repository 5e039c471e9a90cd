"""The federate stage."""

"""Every number that the documents claim, side by side with its baseline in one run."""

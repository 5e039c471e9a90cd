"""Answer from exported graphs, without torch: for servers, laptops and phones."""

"""The science: plain torch and numpy. Tensors in, tensors out; weights never live here."""

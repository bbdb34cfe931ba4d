"""Models that transformers does not have, each in a folder of its own that travels with the weights to the Hub."""

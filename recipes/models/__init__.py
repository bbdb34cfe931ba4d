"""Models that transformers does not have, each in a folder that travels with the weights to the Hub."""

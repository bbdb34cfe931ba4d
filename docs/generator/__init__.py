"""Generator of documents and cards, which imports all packages and is not imported by any."""

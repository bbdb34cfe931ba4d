"""Generator of the documents and cards of this checkout: it imports every package, and none imports it."""

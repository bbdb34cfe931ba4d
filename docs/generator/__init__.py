"""Generator of documents and cards. It imports every package, and none imports it."""

"""Text and subword tokens: offsets, windows, special tokens, entity markers."""

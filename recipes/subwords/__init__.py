"""Text and subword tokens: offsets, windows, special tokens and entity markers."""

"""Models that transformers does not have; the files of each are saved beside its weights."""

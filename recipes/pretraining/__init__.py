"""Pre-training as in KLUE: corpora, pseudonyms, vocabularies, models and ablations."""

"""Pre-training as KLUE did it: corpora, pseudonyms, vocabularies, models, and ablations of these."""

"""Choices of the settings of pre-training. It imports nothing, to keep --help fast."""

ARCHITECTURES = ("bert", "roberta", "distilroberta", "electra", "modernbert")
MODEL_SIZES = ("tiny", "small", "base", "large")
DYNAMIC, STATIC = MASKINGS = ("dynamic", "static")
WORD, TOKEN = UNITS = ("word", "token")
VOCABULARIES = ("wordpiece", "bpe", "unigram")
SEGMENTERS = ("none", "kiwi", "mecab")
# In processing order.
STAGES = (
    *("normalise", "korean", "sentences", "length", "exact_duplicates", "near_duplicates", "benchmark"),
    "pseudonyms",
)

"""Semantic textual similarity: [CLS] sentence1 [SEP] sentence2 [SEP], one real number."""

from recipes.tasks.sentences import SentenceSimilarity

RECIPE = SentenceSimilarity(
    task="sts",
    columns=("sentence1", "sentence2"),
    target="labels",
    sample={"sentence1": "방이 깨끗해요.", "sentence2": "방이 깔끔합니다."},
)

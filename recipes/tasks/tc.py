"""Topic classification (ynat): [CLS] title [SEP], seven topics."""

from recipes.tasks.sentences import SentenceClassification

RECIPE = SentenceClassification(task="ynat", columns=("title",), target="label")

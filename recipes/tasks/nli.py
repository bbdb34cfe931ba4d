"""Natural language inference: [CLS] premise [SEP] hypothesis [SEP], three relations."""

from recipes.tasks.sentences import SentenceClassification

RECIPE = SentenceClassification(task="nli", columns=("premise", "hypothesis"), target="label")

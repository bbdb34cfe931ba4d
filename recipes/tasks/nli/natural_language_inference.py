"""Natural language inference: [CLS] premise [SEP] hypothesis [SEP], three relations."""

from recipes.tasks.shared.sentences import SentenceClassification

RECIPE = SentenceClassification(
    task="nli",
    columns=("premise", "hypothesis"),
    target="label",
    sample={"premise": "오늘은 하루 종일 비가 온다.", "hypothesis": "오늘은 날씨가 맑다."},
)

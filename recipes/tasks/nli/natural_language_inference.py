"""Natural language inference: [CLS] premise [SEP] hypothesis [SEP], three classes."""

from recipes.tasks.shared.sentences import SentenceClassification, SentenceInput

RECIPE = SentenceClassification(
    SentenceInput(
        "nli",
        columns=("premise", "hypothesis"),
        sample={"premise": "오늘은 하루 종일 비가 온다.", "hypothesis": "오늘은 날씨가 맑다."},
    ),
    target="label",
)

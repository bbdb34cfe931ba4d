"""Topic classification (ynat): [CLS] title [SEP], seven topics."""

from recipes.tasks.shared.sentences import SentenceClassification, SentenceInput

RECIPE = SentenceClassification(
    SentenceInput("ynat", columns=("title",), sample="코스피 사흘 만에 반등…외국인 순매수"), target="label"
)

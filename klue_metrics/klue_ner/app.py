from klue_metrics.space import launch

launch("ner", "klue_ner")

from klue_metrics.space import launch

launch(None, "klue_metric")

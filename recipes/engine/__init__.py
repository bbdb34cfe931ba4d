"""What the recipes share: arguments, data, models, training, evaluation, results. No task knows about training."""

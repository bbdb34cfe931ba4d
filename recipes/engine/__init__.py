"""What the recipes share: arguments, data, models, training, evaluation, results, cards."""

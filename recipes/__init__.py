"""Fine-tuning recipes for KLUE: one thin script a task, on Trainer and Accelerate."""

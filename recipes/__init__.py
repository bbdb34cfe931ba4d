"""Fine-tuning recipes for KLUE, with one short script per task, built on Trainer and Accelerate."""

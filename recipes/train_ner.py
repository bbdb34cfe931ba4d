"""Fine-tune an encoder on KLUE named entity recognition (ner): entities by character, 6 types.

Scored by entity macro F1, character macro F1 and character macro F1 without O, of which character macro F1
chooses the checkpoint.

accelerate launch recipes/train_ner.py --model_name_or_path klue/roberta-base --output_dir out/ner
accelerate launch recipes/train_ner.py --data_dir klue_benchmark --use_lora --learning_rate 5e-4
accelerate launch recipes/train_ner.py --model_name_or_path out/ner --do_eval --output_dir out/ner
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("ner", __doc__)

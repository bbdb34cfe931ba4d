"""Fine-tune an encoder on KLUE topic classification (ynat): topic of a headline, 7 classes.

Scored by macro F1, which also chooses the checkpoint.

accelerate launch recipes/train_tc.py --model_name_or_path klue/roberta-base --output_dir out/tc
accelerate launch recipes/train_tc.py --data_dir klue_benchmark --use_lora --learning_rate 5e-4
accelerate launch recipes/train_tc.py --model_name_or_path out/tc --do_eval --output_dir out/tc
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("ynat", __doc__)

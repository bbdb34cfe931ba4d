"""Fine-tune an encoder on KLUE machine reading comprehension (mrc): answer span, or none.

Scored by exact match and ROUGE-W, of which ROUGE-W chooses the checkpoint.

accelerate launch recipes/train_mrc.py --model_name_or_path klue/roberta-base --output_dir out/mrc
accelerate launch recipes/train_mrc.py --data_dir klue_benchmark --use_lora --learning_rate 5e-4
accelerate launch recipes/train_mrc.py --model_name_or_path out/mrc --do_eval --output_dir out/mrc
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("mrc", __doc__)

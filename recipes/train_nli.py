"""Fine-tune an encoder on KLUE natural language inference (nli): premise and hypothesis, 3 classes.

Scored by accuracy, which also chooses the checkpoint.

accelerate launch recipes/train_nli.py --model_name_or_path klue/roberta-base --output_dir out/nli
accelerate launch recipes/train_nli.py --data_dir klue_benchmark --group_by_length --bf16
accelerate launch recipes/train_nli.py --model_name_or_path out/nli --do_eval --output_dir out/nli
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("nli", __doc__)

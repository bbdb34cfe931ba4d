"""Fine-tune an encoder on KLUE relation extraction (re): relation of two entities, 30 classes.

Scored by micro F1, AUPRC and AUPRC (present), of which micro F1 chooses the checkpoint.

accelerate launch recipes/train_re.py --model_name_or_path klue/roberta-base --output_dir out/re
accelerate launch recipes/train_re.py --data_dir klue_benchmark --use_lora --learning_rate 5e-4
accelerate launch recipes/train_re.py --model_name_or_path out/re --do_eval --output_dir out/re
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("re", __doc__)

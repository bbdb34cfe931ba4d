"""Fine-tune an encoder on KLUE semantic textual similarity (sts): similarity of two sentences, 0 to 5.

Scored by Pearson's r and F1, of which Pearson's r chooses the checkpoint.

accelerate launch recipes/train_sts.py --model_name_or_path klue/roberta-base --output_dir out/sts
accelerate launch recipes/train_sts.py --data_dir klue_benchmark --pooling mean
accelerate launch recipes/train_sts.py --model_name_or_path out/sts --do_eval --output_dir out/sts
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("sts", __doc__)

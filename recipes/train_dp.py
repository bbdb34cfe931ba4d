"""Fine-tune an encoder on KLUE dependency parsing (dp): heads and relations of words.

Scored by UAS macro F1, LAS macro F1, LAS micro F1, UAS and LAS, of which LAS macro F1 chooses the checkpoint.

accelerate launch recipes/train_dp.py --model_name_or_path klue/roberta-base --output_dir out/dp
accelerate launch recipes/train_dp.py --data_dir klue_benchmark --head biaffine --decoder best
accelerate launch recipes/train_dp.py --model_name_or_path out/dp --do_eval --decoder mst --output_dir out/dp
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("dp", __doc__)

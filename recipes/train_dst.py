"""Fine-tune an encoder on KLUE dialogue state tracking (wos): dialogue state, 45 slots.

Scored by joint goal accuracy and slot micro F1, of which slot micro F1 chooses the checkpoint.

accelerate launch recipes/train_dst.py --model_name_or_path klue/roberta-base --output_dir out/dst
accelerate launch recipes/train_dst.py --data_dir klue_benchmark --constrain_to_ontology --set num_beams=4
accelerate launch recipes/train_dst.py --head generative --model_name_or_path google/mt5-small
accelerate launch recipes/train_dst.py --model_name_or_path out/dst --do_eval --oracle gates
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script runs the checkout it is in

from recipes.engine.command_line import main

if __name__ == "__main__":
    main("wos", __doc__)

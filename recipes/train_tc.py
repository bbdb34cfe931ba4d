"""Fine-tune an encoder on KLUE topic classification (ynat): a headline, seven topics, macro F1.

accelerate launch recipes/train_tc.py --model_name_or_path klue/roberta-base --output_dir out/tc
accelerate launch recipes/train_tc.py --data_dir klue_benchmark --use_lora --learning_rate 5e-4
accelerate launch recipes/train_tc.py --model_name_or_path out/tc --do_eval --output_dir out/tc
"""

from recipes.engine.command import main

if __name__ == "__main__":
    main("ynat", __doc__)

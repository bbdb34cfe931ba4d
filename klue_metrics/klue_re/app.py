import evaluate
from evaluate.utils import launch_gradio_widget

module = evaluate.load("klue_re")
launch_gradio_widget(module)

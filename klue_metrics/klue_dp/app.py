import evaluate
from evaluate.utils import launch_gradio_widget

module = evaluate.load("klue_dp")
launch_gradio_widget(module)

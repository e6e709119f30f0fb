"""Charts as SVG: no script, no style attribute, no meaning by colour alone, the same picture on page and paper.

Horizontal places are percentages of the width and text has a fixed size, so a chart stays readable at 320 pixels.
Every chart goes with its data table; the picture is never the only way to a figure.
"""

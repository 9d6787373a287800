"""What an evaluation is written down as: report.html, model card, plots, lines of text."""

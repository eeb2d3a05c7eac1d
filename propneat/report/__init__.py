"""What people look at: a network as an SVG picture and a run's progress as a PNG picture, both written without torch.

Import `propneat.report.network_svg` and `propneat.report.progress` on their own, so that only what is used is loaded.
"""

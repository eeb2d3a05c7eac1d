"""Models as programs that run without propneat: one module or a few for each language."""

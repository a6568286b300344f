"""hwkit learns handwriting from pen strokes and writes any text by hand."""

__version__ = "0.1.0"

"""emoviz: see, compare and steer how small language models represent emotion."""

__version__ = "0.1.0"

"""Starts the emoviz dashboard; also the entry point of a Hugging Face Space."""

from emoviz.app import serve

if __name__ == "__main__":
    serve()

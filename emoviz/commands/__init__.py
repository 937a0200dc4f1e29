"""The commands, one file each: `arguments` adds what it takes to a parser, `run` does it.

`run` returns its result as a JSON-able object, the same as text, and the exit code. What a command needs is imported
inside it, so that `emoviz list` does not wait for torch. `cli.COMMANDS` names them all.
"""

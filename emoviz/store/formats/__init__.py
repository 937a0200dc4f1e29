"""Files of other tools, one format a file: what is read of it, and what is written."""

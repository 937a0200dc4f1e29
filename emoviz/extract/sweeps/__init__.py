"""Many vector sets from one plan: what it may say, its jobs, and where they run."""

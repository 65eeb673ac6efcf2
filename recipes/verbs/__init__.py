"""One module a verb, each with ``run(job) -> exit status``."""

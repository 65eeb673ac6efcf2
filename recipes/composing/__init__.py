"""From a command line to a job: what Hydra composed, and what it means."""

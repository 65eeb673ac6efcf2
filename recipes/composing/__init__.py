"""From what a person or a program writes to one job: Hydra's configuration as plain data."""

HYDRA_VERSION_BASE = "1.3"

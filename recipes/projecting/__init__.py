"""From a job, or a name, to a projection."""

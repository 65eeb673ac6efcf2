"""What a checkpoint's own files say that it holds: an independent count beside that of its configuration."""

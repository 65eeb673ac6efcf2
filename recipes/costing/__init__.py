"""What a whole recipe really costs: its days with failures, its energy and carbon, its money."""

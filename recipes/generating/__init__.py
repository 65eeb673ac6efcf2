"""What generation, reinforcement learning and a whole run take: measured tables, and constants that rest on them."""

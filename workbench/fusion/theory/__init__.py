"""What can be known beforehand, and whether each fusion keeps to it."""

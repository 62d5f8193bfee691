"""What happens inside: one example, a whole plane, a model in use."""

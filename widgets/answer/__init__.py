"""The answer lens: every word of what a model wrote: where it looks, and what else it could have been."""

"""The attention lens: every head of every layer, looked through by hand."""

"""Several fusions on one data set: trained alike, measured alike, reported with their doubt."""

"""What builders, data sources and post-processors of one cloud share: access, client, remover. Clouds know neither
the core nor each other."""

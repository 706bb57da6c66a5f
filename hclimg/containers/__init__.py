"""What talks to a container engine, for the builder and the post-processors that do."""

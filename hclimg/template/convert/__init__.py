"""From one way to write a template to another."""

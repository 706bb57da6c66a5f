"""An example of a plugin for hclimg."""

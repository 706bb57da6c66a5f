"""``python -m hclimg``."""

from hclimg.cli.main import main

main()

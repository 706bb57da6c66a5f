"""Old keys of legacy JSON templates, and what they are called today."""

"""What it costs to set a letter as a PDF."""

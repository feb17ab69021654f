"""What it costs to set a newsletter as a PDF."""

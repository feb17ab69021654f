"""What it costs to make a picture ready to be shown."""

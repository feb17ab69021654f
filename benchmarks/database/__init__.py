"""What the database does with ten times the rows, and what a gift costs beyond its bare writes."""

"""How long it takes from a commit until a program has the event, with the SDK and with plain supabase-py."""

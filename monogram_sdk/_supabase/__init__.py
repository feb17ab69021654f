"""Everything that the SDK uses of supabase-py, in one place, because its packages change often.

Importing them takes longer than importing the SDK itself, so `auth` is loaded when a program first uses accounts, and
`storage` when it first uses files.
"""

from __future__ import annotations

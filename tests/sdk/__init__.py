"""The SDK: what needs no server here, what needs one in `_async`, from which `_sync` is generated."""

"""The command's verbs, one file each: what it takes, what it does, what it answers."""

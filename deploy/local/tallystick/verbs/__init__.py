"""The command's verbs: what each takes. The work itself is in `tallystick.commands`, imported when it is called."""

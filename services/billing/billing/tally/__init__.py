"""The tally: one statement with all that it stands on, in a file that anybody can check without asking anybody."""

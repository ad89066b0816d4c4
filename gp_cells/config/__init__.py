"""What a benchmark is made of: its plan, its plug-ins' settings, seeds, and files of any kind."""

"""What goes to the tracking server, as long as it answers."""

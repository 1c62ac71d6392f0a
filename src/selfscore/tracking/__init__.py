"""What goes to the tracking server, and what happens when it is away."""

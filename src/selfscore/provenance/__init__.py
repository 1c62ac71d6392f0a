"""What was made of what, whether it still holds, and how to go on with a run that stopped."""

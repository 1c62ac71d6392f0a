"""Work on several GPUs and machines, by Ray (extra `ray`); the only room that knows Ray."""

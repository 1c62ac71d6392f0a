"""Whether texts are true of pictures whose faults nobody has written down."""

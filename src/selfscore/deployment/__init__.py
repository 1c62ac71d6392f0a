"""A run cut into jobs that a cluster starts; files for Slurm and for Ray on Kubernetes."""

"""What was made from what: manifests of runs, handing on, what is out of date, what may go."""

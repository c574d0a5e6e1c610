"""What `make bench` measures, beside the peers, in one run."""

"""What all services keep about one person: written down, or erased."""

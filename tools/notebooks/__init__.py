"""Running the notebooks: in a kernel, side by side, with their folded solutions, and what of it is kept."""

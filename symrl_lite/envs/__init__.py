"""Small environments with Gymnasium's API; each hands out its symmetries and, where it is finite, its table."""

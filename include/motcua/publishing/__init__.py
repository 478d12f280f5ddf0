"""What leaves the warehouse: the Government portal, the city feed, the public page. Reads, never decides facts."""

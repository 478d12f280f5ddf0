"""The stand-in city: offices with their one-stop systems, and the two portals, on one port and from one seed."""

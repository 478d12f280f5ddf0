"""The stand-in city, and the stack that runs everything on one machine; knows nothing of motcua."""

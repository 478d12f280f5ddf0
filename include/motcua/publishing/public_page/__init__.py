"""The public page: static files for citizens, made of what the city feed has published and of nothing else."""

from motcua.publishing.public_page.builder import build_page

__all__ = ["build_page"]

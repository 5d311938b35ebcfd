"""The API that integrators use."""

"""The API for integrators, `/api/v1`: JSON, bearer keys, cursors, problem details."""

# The image of Kelaspay: one program, a user without rights, nothing that is written but /data and /tmp.
# Bases are pinned by exact tag and digest; `make pin-images` takes the digests that the registries give today.
ARG PYTHON_IMAGE=python:3.13.14-slim-trixie@sha256:6771159cd4fa5d9bba1258caf0b82e6b73458c694d178ad97c5e925c2d0e1a91
ARG UV_IMAGE=ghcr.io/astral-sh/uv:0.13.0@sha256:cdc6093146eb3ff6a40107b38f008b789e050e77ad87865e381d9917da55a168

FROM ${UV_IMAGE} AS uv

FROM ${PYTHON_IMAGE} AS build
COPY --from=uv /uv /usr/local/bin/uv
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/app
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
# what we depend on is a layer of its own: it changes less often than we do
RUN uv sync --frozen --no-dev --extra traces --no-install-project
COPY src ./src
RUN uv sync --frozen --no-dev --extra traces --no-editable

FROM ${PYTHON_IMAGE}
# pg_dump and pg_restore, of the same major version as compose.yaml's server, for `kelaspay backup` and `restore`
RUN apt-get update \
 && apt-get install -y --no-install-recommends postgresql-client-17 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent kelaspay \
 && install -d -o kelaspay -g kelaspay -m 0750 /data
COPY --from=build /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 PORT=8000 DATA_DIR=/data
WORKDIR /data
USER 10001:10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"WORK_PORT\") or os.environ[\"PORT\"]}/readyz', timeout=4)"]
ENTRYPOINT ["kelaspay"]
CMD ["serve"]

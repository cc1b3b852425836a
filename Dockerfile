# docker build --tag ionq-exporter .
#
# For builds that are the same next year, give the digest as well:
# --build-arg PYTHON_IMAGE=python:3.14-slim-trixie@sha256:...
ARG PYTHON_IMAGE=python:3.14-slim-trixie

FROM ${PYTHON_IMAGE} AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /source

COPY requirements.txt requirements-build.txt ./
RUN python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --require-hashes --requirement requirements-build.txt \
 && python -m venv --without-pip /opt/ionq-exporter \
 && /opt/build/bin/python -m pip --python /opt/ionq-exporter/bin/python \
    install --no-compile --require-hashes --only-binary :all: --requirement requirements.txt

COPY LICENSE README.md pyproject.toml ./
COPY exporter exporter
ARG REVISION=unknown
RUN echo "${REVISION}" > exporter/REVISION \
 && /opt/build/bin/hatchling build --target wheel \
 && /opt/build/bin/python -m pip --python /opt/ionq-exporter/bin/python install --no-compile --no-deps dist/*.whl \
 # The file system may be read-only later, and files never change: no need to compare them.
 && python -X pycache_prefix=/opt/ionq-exporter/pycache \
    -m compileall -q --invalidation-mode unchecked-hash /opt/ionq-exporter/lib \
 # And what all of it imports of the standard library, which the base leaves to be compiled at each start.
 && /opt/ionq-exporter/bin/python -P -X pycache_prefix=/opt/ionq-exporter/pycache -c "import pkgutil; \
    import anyio._backends._asyncio, encodings.idna, exporter; \
    [__import__(module.name) for module in pkgutil.walk_packages(exporter.__path__, 'exporter.')]"

# Whoever names a version means the one that the source says it is.
ARG VERSION=unknown
RUN test "${VERSION}" = unknown || test "${VERSION}" = "$(/opt/build/bin/hatchling version)"


FROM ${PYTHON_IMAGE}

ARG REVISION=unknown
ARG VERSION=unknown
LABEL org.opencontainers.image.title="ionq-exporter" \
      org.opencontainers.image.description="Prometheus exporter for IonQ's quantum cloud" \
      org.opencontainers.image.source="https://github.com/ionq-exporter/ionq-exporter" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPYCACHEPREFIX=/opt/ionq-exporter/pycache
COPY --from=build /opt/ionq-exporter /opt/ionq-exporter

# A number, so that Kubernetes can tell that it is not root.
USER 65532:65532
EXPOSE 10065
HEALTHCHECK --interval=30s --timeout=5s --start-period=5s \
    CMD ["/opt/ionq-exporter/bin/python", "-m", "exporter.healthcheck"]
ENTRYPOINT ["/opt/ionq-exporter/bin/ionq-exporter"]

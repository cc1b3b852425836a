"""Manifests for kustomize, and what makes the two of them that it cannot make itself."""

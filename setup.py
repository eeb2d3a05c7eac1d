"""The packages; all else is in pyproject.toml, which cannot say that a package found has another folder than its name."""

from setuptools import find_packages, setup

setup(packages=[*find_packages(include=["propneat", "propneat.*"]), "propneat.cli"], package_dir={"propneat.cli": "cli"})

"""Every package of this environment with its version and licence, as its own metadata says them."""

from importlib.metadata import PackageMetadata, distributions


def licence(of: PackageMetadata) -> str:
    """The licence in a few words: the expression, else the classifiers', else the first line of the text."""
    found = {key: of.get_all(key) or [] for key in ("License-Expression", "Classifier", "License")}
    said = [c.rpartition(" :: ")[2] for c in found["Classifier"] if c.startswith("License")]
    first = [line for text in found["License"] for line in text.splitlines()[:1]]
    return ", ".join(found["License-Expression"] or said or first) or "not said"


if __name__ == "__main__":
    for row in sorted({(d.metadata["Name"], d.version, licence(d.metadata)) for d in distributions()}):
        print("{}=={}  {}".format(*row))

"""Where a model's weights come from: a union, discriminated by type."""

from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field

from drawbridge_crds.rules import NotYet, Rule, SpecModel
from drawbridge_crds.values import HttpsURL, ObjectName, SecretKeyRef, https_rule_cel, is_https_url


class PersistentVolumeClaimSource(SpecModel):
    """Weights that already lie on a claim of the pool's namespace; mounted read-only."""

    claim_name: ObjectName
    """The PersistentVolumeClaim that holds the weights, in the pool's namespace. A ReadWriteOnce one binds
    all replicas to one node."""

    path: Annotated[str, Field(max_length=512)] = ""
    """The folder inside the volume that holds config.json. Unset: the volume's root."""

    rules: ClassVar = (
        Rule(
            cel="!has(self.path) || !(self.path.startsWith('/') "
            "|| self.path.split('/').exists(p, p == '..'))",
            holds=lambda self: not self.path.startswith("/") and ".." not in self.path.split("/"),
            message="path must be relative to the volume's root and must not contain '..'",
        ),
    )


class ImageSource(SpecModel):
    """Weights in an OCI image, mounted as an image volume."""

    reference: Annotated[str, Field(min_length=1, max_length=512)]
    """The image that holds the weights, best by digest: registry.example.com/models/qwen@sha256:..."""

    path: Annotated[str, Field(max_length=512, pattern=r"^/[^:]*$")] = "/"
    """The folder inside the image that holds config.json."""


class HuggingFaceCache(SpecModel):
    """The claim that a download fills once."""

    claim_name: ObjectName
    """The PersistentVolumeClaim that the download fills, in the pool's namespace."""


class HuggingFaceSource(SpecModel):
    """Weights downloaded once, by a Job of its own, into a claim. Serving pods never reach out."""

    repo: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
    """The repository to download, such as Qwen/Qwen2.5-Coder-7B-Instruct-AWQ."""

    revision: Annotated[str, Field(max_length=40, pattern=r"^[0-9a-f]{40}$")]
    """The commit to download, as its full hash: a branch would change under a running pool."""

    endpoint: HttpsURL | None = None
    """The https URL of a mirror of the hub, such as https://hub.example.com. Unset: Hugging Face's own
    hub."""

    token_secret_ref: SecretKeyRef | None = None
    """The Secret with an access token, for a repository that needs one. Unset: no token is sent."""

    cache: HuggingFaceCache
    """The claim in which the downloaded weights are kept."""

    rules: ClassVar = (
        Rule(
            cel=https_rule_cel("endpoint"),
            holds=lambda self: is_https_url(self.endpoint),
            message="endpoint must be an https URL without user, query or fragment, such as https://hub.example.com",
        ),
    )


class ModelSourceType(StrEnum):
    """Kinds of places that hold weights."""

    PERSISTENT_VOLUME_CLAIM = "PersistentVolumeClaim"
    """A claim of the pool's namespace that holds the weights already."""
    IMAGE = "Image"
    """An OCI image, mounted as a volume."""
    HUGGING_FACE = "HuggingFace"
    """A repository of Hugging Face, or of a mirror, downloaded once into a claim."""


_USE_A_CLAIM: Final = "use type PersistentVolumeClaim"


class ModelSource(SpecModel):
    """Where the weights come from: `type`, and the member of that name."""

    type: ModelSourceType
    """What kind of thing holds the weights. The member of the same name says where they are; no other may be
    set."""

    persistent_volume_claim: PersistentVolumeClaimSource | None = None
    """The claim that holds the weights, with type PersistentVolumeClaim."""

    image: ImageSource | None = None
    """The OCI image that holds the weights, with type Image."""

    hugging_face: HuggingFaceSource | None = None
    """The repository that the weights are downloaded from, with type HuggingFace."""

    rules: ClassVar = (
        Rule(
            cel="(self.type == 'PersistentVolumeClaim') == has(self.persistentVolumeClaim)",
            holds=lambda self: (self.type == "PersistentVolumeClaim") == bool(self.persistent_volume_claim),
            message="type PersistentVolumeClaim takes persistentVolumeClaim: {claimName: ...}; no other does",
        ),
        Rule(
            cel="(self.type == 'Image') == has(self.image)",
            holds=lambda self: (self.type == "Image") == bool(self.image),
            message="type Image takes image: {reference: ...}; no other does",
        ),
        Rule(
            cel="(self.type == 'HuggingFace') == has(self.huggingFace)",
            holds=lambda self: (self.type == "HuggingFace") == bool(self.hugging_face),
            message="type HuggingFace takes huggingFace: {repo: ..., revision: ..., cache: ...}; "
            "no other does",
        ),
    )
    not_yet: ClassVar = (
        NotYet("type: Image", lambda self: self.type == ModelSourceType.IMAGE, remedy=_USE_A_CLAIM),
        NotYet(
            "type: HuggingFace", lambda self: self.type == ModelSourceType.HUGGING_FACE, remedy=_USE_A_CLAIM
        ),
    )

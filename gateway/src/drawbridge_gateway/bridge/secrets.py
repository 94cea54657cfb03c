"""Cloud keys from Kubernetes Secrets."""

import base64
import binascii

from drawbridge_crds.reports import CredentialState
from drawbridge_crds.values import SecretKeyRef

from drawbridge_gateway.api_server import ApiServer, ApiServerError, ForbiddenError
from drawbridge_gateway.bridge.credentials import CredentialError


class KubernetesSecrets:
    """Reads keys from Secrets, one GET by name each: the bridge may neither list nor watch them."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    async def __call__(self, tenant: str, ref: SecretKeyRef) -> str:
        """Read one key of a Secret in the tenant's namespace; raises CredentialError."""
        what = f'Secret "{ref.name}" in namespace "{tenant}"'
        try:
            secret = await self._api.get(f"/api/v1/namespaces/{tenant}/secrets/{ref.name}")
        except ForbiddenError as error:
            raise CredentialError(
                CredentialState.FORBIDDEN,
                f"the bridge may not read {what}: grant it a Role with get on just this Secret "
                "(the condition CredentialsReadable of the RoutingPolicy prints it)",
            ) from error
        except ApiServerError as error:
            raise CredentialError(
                CredentialState.ERROR, f"the bridge could not read {what}: the API server did not give it"
            ) from error
        if secret is None:
            raise CredentialError(CredentialState.NOT_FOUND, f"{what} does not exist: create it")
        encoded = (secret.get("data") or {}).get(ref.key)
        if encoded is None:
            raise CredentialError(
                CredentialState.NOT_FOUND, f'{what} has no key "{ref.key}": add it, or correct secretKeyRef'
            )
        try:
            return base64.b64decode(encoded).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            return ""  # refused by checked_key, which must not quote it either

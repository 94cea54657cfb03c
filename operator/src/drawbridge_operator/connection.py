"""Where the API server is and who we are to it: KUBECONFIG, the pod's service account, or ~/.kube/config.

KUBECONFIG comes first, in the gateway too: a pod has its account unasked, and the variable is set on purpose.
The client library and kopf both take it from here: kopf's own login would ask the cluster's DNS for
the API server, which a pod's environment names by address.
"""

import os
from typing import Any

import kopf
from kubernetes.aio import config
from kubernetes.aio.client import Configuration


async def load_configuration() -> Configuration:
    """Configure the client; a service account's token is read again while it is used."""
    configuration = Configuration()
    # aiohttp would look for proxies and a .netrc in a thread, twice for each request
    configuration.client_session_kwargs = {"trust_env": False}
    if "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ:
        config.load_incluster_config(configuration)  # type: ignore[no-untyped-call] # not annotated there
    else:
        # named here: the library looks at KUBECONFIG when it is imported, not when it is asked
        await config.load_kube_config(  # type: ignore[no-untyped-call] # likewise
            os.environ.get("KUBECONFIG"), client_configuration=configuration
        )
    return configuration


async def kopf_login(**_: Any) -> kopf.ConnectionInfo:
    """Give kopf the same credentials; it asks again when they are refused."""
    configuration = await load_configuration()
    header = await configuration.get_api_key_with_prefix("BearerToken") or ""
    scheme, _separator, token = header.partition(" ")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        scheme=scheme or None,
        token=token or None,
        proxy_url=configuration.proxy,
    )

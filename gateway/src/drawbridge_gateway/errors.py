"""What can go wrong around the data plane and is told to a person as one line, never as a traceback.

    DrawbridgeError
    ├── SettingsError         settings.py: the environment says something that cannot be meant
    ├── ApiServerError        api_server.py: the API server did not do what was asked
    │   ├── ForbiddenError, ConflictError, ExpiredError, UnreachableError
    ├── FolderError           sources/folder.py: a stand-alone folder cannot be understood
    ├── KeyStoreError         cli/key_store.py: API keys cannot be kept or read
    ├── ListenError           cli/servers.py: an address cannot be listened on
    ├── CredentialError       bridge/credentials.py: a cloud's key cannot be read
    └── UnusableCloudError    bridge/clouds.py: a cloud's description cannot be used

What clients of /v1 are told is another vocabulary: protocols/errors.py.
"""


class DrawbridgeError(Exception):
    """Expected. Its message says what happened, to which object, and what to do."""

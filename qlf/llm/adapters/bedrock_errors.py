"""What an error of Bedrock means, by its class. The texts are searched for known words, never repeated."""

from __future__ import annotations

from qlf.llm.adapters.failures import Meaning
from qlf.llm.failure import FailureKind

__all__ = ["error_class", "meaning", "sdk_meaning"]

_CREDENTIAL = Meaning(FailureKind.AUTH, "did not accept the credential")
_EXPIRED = Meaning(
    FailureKind.AUTH,
    "did not accept the credential: it has expired",
    "log in again, or rotate the key with `qlf keys rotate`",
)
_DENIED = Meaning(
    FailureKind.AUTH,
    "does not allow this credential to use the model",
    "allow bedrock:InvokeModel for it, and enable the model for the account and region",
)
_THROTTLED = Meaning(FailureKind.THROTTLED, "has no room now")
_NOT_READY = Meaning(FailureKind.UNAVAILABLE, "is not ready: the model is being loaded")
_FAILED = Meaning(FailureKind.UNAVAILABLE, "failed on the provider's side")
_NO_MODEL = Meaning(FailureKind.NOT_FOUND, "is not known to the provider")
_PROFILE = Meaning(
    FailureKind.NOT_FOUND,
    "cannot be asked by its model id",
    "name an inference profile as the deployment's remote, such as 'us.' before the model id",
)
_TOO_LONG = Meaning(FailureKind.TOO_LONG, "cannot take a request this long")
_FILTERED = Meaning(FailureKind.FILTERED, "refused the request: a content filter found something")
_BAD = Meaning(FailureKind.BAD_REQUEST, "does not accept the request")
_TIMEOUT = Meaning(FailureKind.TIMEOUT, "gave up: the model took too long")
_CLOCK = Meaning(
    FailureKind.AUTH,
    "did not accept the signature",
    "check the secret key and the clock of this machine",
)

_BY_CLASS = {
    "throttling": _THROTTLED,
    "throttled": _THROTTLED,
    "toomanyrequests": _THROTTLED,
    "servicequotaexceeded": _THROTTLED,
    "modelnotready": _NOT_READY,
    "modeltimeout": _TIMEOUT,
    "modelerror": _FAILED,
    "modelstreamerror": _FAILED,
    "internalserver": _FAILED,
    "internalfailure": _FAILED,
    "serviceunavailable": _FAILED,
    "accessdenied": _DENIED,
    "notauthorized": _DENIED,
    "expiredtoken": _EXPIRED,
    "unrecognizedclient": _CREDENTIAL,
    "invalidclienttokenid": _CREDENTIAL,
    "missingauthenticationtoken": _CREDENTIAL,
    "incompletesignature": _CLOCK,
    "invalidsignature": _CLOCK,
    "signaturedoesnotmatch": _CLOCK,
    "resourcenotfound": _NO_MODEL,
    "unknownoperation": _NO_MODEL,
    "requestentitytoolarge": _TOO_LONG,
}
_BY_STATUS = {
    401: _CREDENTIAL,
    403: _DENIED,
    404: _NO_MODEL,
    408: _TIMEOUT,
    413: _TOO_LONG,
    424: _FAILED,
    429: _THROTTLED,
}
_LONG_WORDS = ("too long", "too many input tokens", "context limit", "context window", "context length")
_MODEL_WORDS = ("model identifier is invalid", "model id is invalid", "model identifier")
_PROFILE_WORDS = ("on-demand throughput", "inference profile")
_FILTER_WORDS = ("content filter", "blocked by")

_CREDENTIAL_ERRORS = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"}
    | {"UnauthorizedSSOTokenError", "SSOTokenLoadError", "NoAuthTokenError", "ProfileNotFound", "SSOError"}
    | {"MetadataRetrievalError", "RefreshWithMFAUnsupportedError", "InvalidConfigError"}
)
_REGION_ERRORS = frozenset(
    {"NoRegionError", "InvalidRegionError", "UnknownEndpointError", "EndpointProviderError"}
    | {"UnknownRegionError", "UnsupportedEndpointError", "EndpointVariantError"}
)


def error_class(header: str, body: dict[str, object]) -> str:
    """The class that an error answer names, without its namespace, in lower case and without `Exception`."""
    name: object = header or body.get("__type") or body.get("code") or ""
    if type(name) is not str:
        return ""
    return name.split(":")[0].rpartition("#")[2].lower().removesuffix("exception")


def meaning(name: str, status: int | None, message: str) -> Meaning:
    """What happened.

    Args:
        name: As `error_class` gives it.
        status: The HTTP status; `None` for an exception inside a stream.
        message: What the provider wrote.
    """
    if name in _BY_CLASS:
        return _BY_CLASS[name]
    if name == "validation":
        words = message[:4096].lower()
        for found, means in (
            (_LONG_WORDS, _TOO_LONG),
            (_PROFILE_WORDS, _PROFILE),
            (_MODEL_WORDS, _NO_MODEL),
            (_FILTER_WORDS, _FILTERED),
        ):
            if any(word in words for word in found):
                return means
        return _BAD
    if status is None or status >= 500:
        return _FAILED
    if 300 <= status < 400:
        return Meaning(FailureKind.NOT_FOUND, f"answered with a redirect ({status}), which is not followed")
    return _BY_STATUS.get(status, _BAD)


def sdk_meaning(error: Exception) -> Meaning:
    """What an error of the SDK means that was raised before anything was sent."""
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _CREDENTIAL_ERRORS:
        return Meaning(
            FailureKind.AUTH,
            "could not be asked: no usable AWS credential was found",
            "log in with the AWS tools, or add keys with `qlf keys add`",
        )
    if names & _REGION_ERRORS:
        return Meaning(FailureKind.NOT_FOUND, "could not be asked: its region is not known")
    return Meaning(FailureKind.BAD_REQUEST, "could not be asked: the SDK refused the request")

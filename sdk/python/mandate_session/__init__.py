"""A session that never dies: it answers one question as often as it is asked, *what do I send now?*

    session = Session.client_credentials("app", "secret", token_endpoint="https://issuer.example/token")
    headers = session.authorize("GET", "https://api.example/data")
"""

from .aio import AsyncSession
from .calls import Exchange
from .cause import Cause
from .errors import (
    Closed,
    CredentialRefused,
    IssuerUnavailable,
    LicenceRefused,
    Misconfigured,
    NeedsLogin,
    RateLimited,
    Refused,
    ScopeMissing,
    SessionError,
    Unavailable,
)
from .events import Event, Failed, LockTakenOver, LoginNeeded, Observer, Renewed, Skew, StoreFailed, TakenFromStore
from .held import Token
from .login import CodePrompt, DevicePrompt
from .message import Answer, Lost, NotSent, Request
from .refusal import Refusal
from .secret import Secret
from .session import Session
from .settings import Settings
from .sign_in import AsyncLogin, Login
from .state import Kind, Need, Reason, State
from .store import FileStore, MemoryStore, Store
from .transport import AsyncTransport, StdTransport, Transport

__version__ = "0.1.0"

__all__ = [
    "Answer", "AsyncLogin", "AsyncSession", "AsyncTransport", "Cause", "Closed", "CodePrompt", "CredentialRefused", "DevicePrompt", "Event",
    "Exchange", "Failed", "FileStore", "IssuerUnavailable", "Kind", "LicenceRefused", "LockTakenOver", "Login", "LoginNeeded", "Lost",
    "MemoryStore", "Misconfigured", "Need", "NeedsLogin", "NotSent", "Observer", "RateLimited", "Reason", "Refusal", "Refused",
    "Renewed", "Request", "ScopeMissing", "Secret", "Session", "SessionError", "Settings", "Skew", "State", "StdTransport", "Store",
    "StoreFailed", "TakenFromStore", "Token", "Transport", "Unavailable",
]

"""Authlib's server on Flask: authorization code with PKCE, client credentials, refresh tokens with rotation.

    python authlib_server.py SECONDS     prints {"port": N}; ends when standard input is closed
"""

import json
import logging
import os
import sys
import threading
import time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector  # noqa: E402
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants  # noqa: E402
from authlib.oauth2.rfc6750 import BearerTokenValidator  # noqa: E402
from authlib.oauth2.rfc7636 import CodeChallenge  # noqa: E402
from flask import Flask, jsonify, request  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 3
GRANTS = ("authorization_code", "client_credentials", "refresh_token")


class Client(ClientMixin):
    def get_client_id(self):
        return "app"

    def get_default_redirect_uri(self):
        return None

    def get_allowed_scope(self, scope):
        return scope or ""

    def check_redirect_uri(self, uri):
        return uri.startswith("http://127.0.0.1")

    def check_client_secret(self, secret):
        return secret == "s3cret"

    def check_endpoint_auth_method(self, method, endpoint):
        return method in ("client_secret_basic", "client_secret_post")

    def check_response_type(self, kind):
        return kind == "code"

    def check_grant_type(self, kind):
        return kind in GRANTS


class Token(TokenMixin):
    def __init__(self, given):
        self.given, self.at, self.ended = given, time.time(), False

    def check_client(self, client):
        return True

    def get_scope(self):
        return self.given.get("scope") or ""

    def get_expires_in(self):
        return self.given["expires_in"]

    def is_expired(self):
        return time.time() > self.at + self.given["expires_in"]

    def is_revoked(self):
        return self.ended

    def get_user(self):
        return "alice"

    def get_client(self):
        return CLIENT


class Code:
    def __init__(self, asked):
        self.redirect_uri, self.scope = asked.payload.redirect_uri, asked.payload.scope
        self.code_challenge = asked.payload.data.get("code_challenge")
        self.code_challenge_method = asked.payload.data.get("code_challenge_method")

    def get_redirect_uri(self):
        return self.redirect_uri

    def get_scope(self):
        return self.scope


CLIENT, TOKENS, REFRESH, CODES = Client(), {}, {}, {}


class ByCode(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]

    def save_authorization_code(self, code, asked):
        CODES[code] = Code(asked)

    def query_authorization_code(self, code, client):
        return CODES.get(code)

    def delete_authorization_code(self, code):
        for text in [t for t, c in CODES.items() if c is code]:
            del CODES[text]

    def authenticate_user(self, code):
        return "alice"


class ByRefresh(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, text):
        token = REFRESH.get(text)
        return token if token and not token.ended else None

    def authenticate_user(self, token):
        return "alice"

    def revoke_old_credential(self, token):
        token.ended = True


class Validator(BearerTokenValidator):
    def authenticate_token(self, text):
        return TOKENS.get(text)


def keep(given, asked):
    token = Token(given)
    TOKENS[given["access_token"]] = token
    if given.get("refresh_token"):
        REFRESH[given["refresh_token"]] = token


app = Flask("peer")
app.config.update(
    OAUTH2_REFRESH_TOKEN_GENERATOR=True,
    OAUTH2_TOKEN_EXPIRES_IN={g: SECONDS for g in GRANTS},
)
server = AuthorizationServer(app, query_client=lambda name: CLIENT if name == "app" else None, save_token=keep)
server.register_grant(ByCode, [CodeChallenge(required=True)])
server.register_grant(grants.ClientCredentialsGrant)
server.register_grant(ByRefresh)
protected = ResourceProtector()
protected.register_token_validator(Validator())


@app.route("/authorize")
def authorize():
    return server.create_authorization_response(grant=server.get_consent_grant(end_user="alice"), grant_user="alice")


@app.route("/token", methods=["POST"])
def token():
    return server.create_token_response()


@app.route("/api/data")
@protected()
def data():
    return jsonify(path=request.path)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
listening = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=listening.serve_forever, daemon=True).start()
print(json.dumps({"port": listening.server_port}), flush=True)
sys.stdin.buffer.read()

"""What is kept in a store, and by whom it was changed meanwhile."""

from __future__ import annotations

import json

from mandate_session import Answer, FileStore, MemoryStore, Misconfigured, Request, Session

from standins import Clock, Issuer, session


def test_a_refresh_token_that_a_person_replaced_is_used(tmp_path):
    def made(given: str) -> tuple[Session, Issuer]:
        issuer = Issuer()
        store = FileStore(tmp_path / "s", "main")
        return Session.refresh_token("app", given, token_endpoint="https://issuer.example/token", transport=issuer, store=store), issuer

    first, issuer = made("given-1")
    assert first.token().reveal() == "access-1"
    again, issuer = made("given-1")
    assert again.token().reveal() == "access-1" and not issuer.asked
    other, issuer = made("given-2")
    other.token()
    assert b"given-2" in (issuer.asked[0].body or b"")
    assert json.loads((tmp_path / "s" / "main.json").read_text())["refresh_token"] == "refresh-1"


def test_sessions_of_one_program_share_a_memory_store():
    issuer, store = Issuer(), MemoryStore()
    assert session(issuer, store=store).token() == session(issuer, store=store).token()
    assert len(issuer.asked) == 1


def test_unknown_members_of_the_file_are_kept(tmp_path):
    clock, issuer = Clock(), Issuer()
    store = FileStore(tmp_path / "s", "main")
    session(issuer, store=store, clock=clock).token()
    path = tmp_path / "s" / "main.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "of_tomorrow": [1, 2]}))
    clock.now += 601
    session(issuer, store=store, clock=clock).token()
    said = json.loads(path.read_text())
    assert said["of_tomorrow"] == [1, 2] and said["generation"] == 2


def test_the_keyring_keeps_tokens_too(tmp_path):
    import keyring
    import keyring.backend

    from mandate_session.store.keyring import KeyringStore

    class Ring(keyring.backend.KeyringBackend):
        priority = 1
        held: dict = {}

        def get_password(self, service, username):
            return self.held.get((service, username))

        def set_password(self, service, username, password):
            self.held[service, username] = password

        def delete_password(self, service, username):
            del self.held[service, username]

    keyring.set_keyring(Ring())
    issuer = Issuer()
    session(issuer, store=KeyringStore("main", tmp_path / "s")).token()
    again = session(issuer, store=KeyringStore("main", tmp_path / "s"))
    assert again.token().reveal() == "access-1" and len(issuer.asked) == 1
    again.logout()
    assert Ring.held == {} and list((tmp_path / "s").iterdir()) == []


def test_what_is_read_while_a_renewal_is_being_written_does_not_undo_it(tmp_path, monkeypatch):
    """Between answer and file, the store still holds the old refresh token; a reader of this process must not take it back."""
    import mandate_session.store.file as file_store
    from mandate_session.renewal import load_store

    clock, issuer = Clock(), Issuer()
    ours = session(issuer, store=FileStore(tmp_path / "s", "main"), clock=clock)
    ours.token()
    clock.now += 541
    write = file_store._Held.write

    def reading_first(lock, record):
        ours._run(load_store(ours._core))
        write(lock, record)

    monkeypatch.setattr(file_store._Held, "write", reading_first)
    assert ours.token().reveal() == "access-2"
    assert json.loads((tmp_path / "s" / "main.json").read_text())["refresh_token"] == "refresh-2"
    clock.now += 541
    ours.token()
    assert b"refresh-2" in (issuer.asked[-1].body or b"")


def test_signing_out_does_not_remove_the_file_of_another(tmp_path):
    store = FileStore(tmp_path / "s", "main")
    session(Issuer(), store=store).token()
    other = session(Issuer(), store=store, scope="other")
    other.state()
    try:
        other.logout()
    except Misconfigured:
        pass
    assert (tmp_path / "s" / "main.json").exists()


def test_a_program_that_knows_no_lock_renewed_during_our_request(tmp_path):
    """Our refresh token is refused, and another one lies in the store by now: that is used, once."""
    clock, issuer = Clock(), Issuer()
    path = tmp_path / "s" / "main.json"
    ours = Session.refresh_token("app", "given", token_endpoint="https://issuer.example/token", transport=issuer, clock=clock,
                                 store=FileStore(tmp_path / "s", "main"))
    ours.token()
    clock.now += 601
    send = issuer.send

    def meanwhile(request: Request, timeout: float) -> Answer:
        issuer.send = send  # type: ignore[method-assign]
        path.write_text(json.dumps({**json.loads(path.read_text()), "refresh_token": "of-the-other"}))
        return Answer(400, {}, b'{"error": "invalid_grant"}')

    issuer.send = meanwhile  # type: ignore[method-assign]
    assert ours.token().reveal() == "access-2"
    assert b"of-the-other" in (issuer.asked[-1].body or b"")

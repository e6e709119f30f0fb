"""Client credentials are unlike each other, are recognised where they leak, and are stored as hashes only."""

from shared.auth.credentials import hashed, holds_secret, is_client_id, matches, new_client_id, new_secret


def test_ids_and_secrets_are_unlike_each_other_and_recognised() -> None:
    ids, kept = {new_client_id() for _ in range(100)}, {new_secret() for _ in range(100)}

    assert len(ids) == len(kept) == 100
    assert all(map(is_client_id, ids))
    assert not any(map(is_client_id, kept))
    assert all(holds_secret(f"/v1/items?key={secret}&limit=5") for secret in kept)
    assert not any(map(holds_secret, ids))


def test_only_the_secret_itself_matches_its_hash() -> None:
    secret, another = new_secret(), new_secret()
    stored = hashed(secret)

    assert matches(secret, stored=stored)
    assert not any(matches(wrong, stored=stored) for wrong in (another, secret[:-1], f"{secret} ", "", stored.hex()))
    assert secret.encode() not in stored

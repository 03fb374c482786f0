"""What features are about: an account, always together with the client whose it is."""

from feast import Entity, ValueType

client = Entity(
    name="client",
    join_keys=["client_id"],
    value_type=ValueType.STRING,
    description="The tenant. Part of every key: who asks for an account under another client's name is told nothing.",
)
account = Entity(
    name="account",
    join_keys=["account_id"],
    value_type=ValueType.STRING,
    description="A client's account on one network.",
)

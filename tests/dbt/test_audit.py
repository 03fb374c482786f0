"""dbt's verdict, as it decides what is published."""

from assets.warehouse import audit


def model(name: str, *parents: str, schema: str = "gold") -> tuple[str, dict]:
    node = {
        "resource_type": "model",
        "name": name,
        "config": {"schema": schema},
        "depends_on": {"nodes": [p if "." in p else f"model.{p}" for p in parents]},
    }
    return f"model.{name}", node


def seed(name: str) -> tuple[str, dict]:
    """As dbt writes it: a seed depends on macros alone."""
    node = {"resource_type": "seed", "name": name, "config": {"schema": "silver"}, "depends_on": {"macros": []}}
    return f"seed.{name}", node


def check(name: str, *tested: str, attached: str | None = None) -> tuple[str, dict]:
    node = {
        "resource_type": "test",
        "name": name,
        "config": {"schema": "dbt_test__audit"},
        "attached_node": f"model.{attached}" if attached else None,
        "depends_on": {"nodes": [f"model.{t}" for t in tested]},
    }
    return f"test.{name}", node


MANIFEST = {
    "nodes": dict(
        [
            seed("contracts"),
            model("staged", "seed.contracts", schema="silver"),
            model("clients"),
            model("posts", "staged"),
            model("daily", "posts"),
            model("weekly", "daily"),
            check("posts_unique", "posts", attached="posts"),
            check("posts_of_clients", "clients", "posts", attached="posts"),
            check("reconciled", "posts", "clients"),
        ]
    )
}
SOUND = {
    "seed.contracts": "success",
    **{f"model.{name}": "success" for name in ("staged", "clients", "posts", "daily", "weekly")},
    **{f"test.{name}": "pass" for name in ("posts_unique", "posts_of_clients", "reconciled")},
}


def verdict(**changes: str):
    status = {**SOUND, **{name.replace("__", "."): state for name, state in changes.items()}}
    return audit(MANIFEST, {"results": [{"unique_id": name, "status": state} for name, state in status.items()]})


def test_a_sound_build_passes_gold_and_nothing_else() -> None:
    assert verdict().passed == ("clients", "daily", "posts", "weekly")
    assert verdict().held_back == {}
    assert not verdict().is_broken


def test_a_warning_is_a_pass() -> None:
    assert verdict(test__posts_unique="warn").held_back == {}


def test_a_failed_test_holds_back_its_table_and_all_that_is_made_from_it() -> None:
    outcome = verdict(test__posts_unique="fail", model__daily="skipped", model__weekly="skipped")
    assert outcome.passed == ("clients",)
    assert outcome.held_back == {
        "posts": "the test posts_unique failed",
        "daily": "upstream, posts: the test posts_unique failed",
        "weekly": "upstream, daily: upstream, posts: the test posts_unique failed",
    }
    assert not outcome.is_broken


def test_what_was_built_from_a_failed_table_is_held_back_even_if_dbt_built_it() -> None:
    assert verdict(test__posts_unique="fail").passed == ("clients",)


def test_a_test_between_two_tables_counts_against_the_one_that_it_is_attached_to() -> None:
    assert verdict(test__posts_of_clients="fail").passed == ("clients",)


def test_a_test_of_its_own_counts_against_every_table_that_it_reads() -> None:
    assert verdict(test__reconciled="fail").passed == ()


def test_a_test_that_could_not_run_has_not_passed() -> None:
    assert verdict(test__posts_unique="error").passed == ("clients",)


def test_a_model_that_could_not_be_built_is_a_fault_of_the_machine() -> None:
    outcome = verdict(model__staged="error", model__posts="skipped", model__daily="skipped", model__weekly="skipped")
    assert outcome.is_broken
    assert outcome.passed == ("clients",)
    assert outcome.held_back["posts"] == "upstream, staged: dbt could not build it"


def test_a_seed_that_could_not_be_loaded_holds_back_what_is_made_of_it() -> None:
    held = verdict(seed__contracts="error")
    assert held.passed == ("clients",)
    assert held.held_back["posts"] == "upstream, staged: upstream, contracts: dbt could not build it"
    assert held.is_broken


def test_only_what_was_built_now_is_published() -> None:
    results = {"results": [{"unique_id": "model.daily", "status": "success"}]}
    assert audit(MANIFEST, results).passed == ("daily",)
